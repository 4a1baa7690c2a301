"""What a pull takes from outside: the environment's secrets, time and chance, a voice, bars."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rwe.fhir.request import Clock
from rwe.steps.progress import Progress


@dataclass(frozen=True, kw_only=True)
class World:
    environment: Mapping[str, str]
    clock: Clock
    say: Callable[[str], None]
    progress: Progress
