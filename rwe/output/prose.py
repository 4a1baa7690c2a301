"""Sentences out of names and texts."""

from collections.abc import Iterable, Iterator

from rwe.output.words import sentence


def listed(names: Iterable[str]) -> str:
    """`a, b and c`; with semicolons where a name holds a comma."""
    found = list(names)
    if len(found) < 2:
        return "".join(found)
    between = "; " if any("," in name for name in found) else ", "
    return f"{between.join(found[:-1])} and {found[-1]}"


def sentences(*facts: tuple[str, str]) -> Iterator[str]:
    """`Term: text.` of each text that says something."""
    for term, text in facts:
        if said := text.strip().rstrip("."):
            yield f"{sentence(term)}: {said}."
