"""A real server behind the fault proxy: what a pull lands is what it lands without."""

from pathlib import Path

import pytest

from rwe.steps.progress import silent
from rwe.steps.pull import pull
from rwe.steps.wishes import Wishes
from rwe.steps.world import World
from tests.faults.case import dump
from tests.faults.test_mixtures import by_chance
from tests.fhir.clock import FakeClock
from tests.fhir.proxy import Proxy

pytestmark = pytest.mark.live


def pulled(folder: Path, base: str, time: FakeClock) -> Path:
    folder.mkdir()
    (folder / "sites.toml").write_text(
        f'[north]\nurl = "{base}"\nfhir_version = "4.0.1"\nmethod = "search"\nlimits.page_size = 100\n'
    )
    world = World(environment={}, clock=time.clock(), say=lambda _: None, progress=silent)
    assert [o.missing for o in pull(folder, world, Wishes(everything=True))] == [()]
    return folder


@pytest.fixture(scope="module")
def unfaulted(servers: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("unfaulted") / "study"
    return dump(pulled(folder, servers["north"], FakeClock()))


@pytest.mark.parametrize("seed", range(3))
def test_faults_that_pass_leave_no_trace(
    servers: dict[str, str], unfaulted: dict[str, object], tmp_path: Path, seed: int
) -> None:
    time = FakeClock()
    with Proxy(servers["north"], by_chance(0.04), seed=seed, sleep=time.sleep) as proxy:
        study = pulled(tmp_path / "study", proxy.base, time)
    assert proxy.made() > 5
    assert dump(study) == unfaulted
