"""Several sites at once, and promises P2 and P9: order, threads and sizes leave no trace, memory stays."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.case import SECRET, Case, dump, dump_store, site
from tests.fhir.memory import Memory
from tests.fhir.proxy import Proxy, Rule

BAD = {
    "http_13": Rule(url=r"/Patient\?", fault="status", times=None, options={"status": 500}),
    "refused": Rule(url="/metadata", fault="status", times=None, options={"status": 403}),
    "empty": Rule(url=r"\?_count", fault="empty", times=None),
    "astray": Rule(
        url=r"/Patient\?_count", fault="next_is", times=None, options={"to": "https://x.invalid/"}
    ),
}


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("order", [("north", "south"), ("south", "north")])
def test_a_bad_site_costs_the_good_one_nothing(case: Case, fault: str, order: tuple[str, str]) -> None:
    study = case.study(case.memory.base)
    with Proxy(case.memory.base, [BAD[fault]], sleep=case.time.sleep) as proxy:
        bases = {"north": case.memory.base, "south": proxy.base}
        tables = [site(bases[name], "").replace("[north]", f"[{name}]") for name in order]
        (study / "sites.toml").write_text("".join(tables))
        code, text = case.run(study)
    assert code == 3
    assert "south" in text
    assert dump(study)["north"] == case.unfaulted()["north"]


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("size", [1, 500])
def test_threads_and_page_sizes_leave_no_trace(case: Case, concurrency: int, size: int) -> None:
    limits = f"limits.page_size = {size}\nlimits.concurrency = {concurrency}"
    study = case.study(case.memory.base, limits)
    code, text = case.run(study)
    assert (code, dump(study)) == (0, case.unfaulted()), text
    assert dump_store(study) == case.fresh()


PEAK = """
import re
from pathlib import Path
from rwe.steps.progress import silent
from rwe.steps.pull import pull
from rwe.steps.wishes import Wishes
from rwe.steps.world import World
from tests.fhir.clock import FakeClock
world = World(
    environment={{"RWE_TOKEN": {secret!r}}}, clock=FakeClock().clock(), say=lambda _: None, progress=silent
)
(ended,) = pull(Path({study!r}), world, Wishes(everything=True))
assert not ended.missing, ended.missing
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def peak(study: Path) -> float:
    """MB of a process that pulls.  Its ru_maxrss would begin with that of the process that started it."""
    code = PEAK.format(secret=SECRET, study=str(study))
    said = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE)
    return int(said.stdout.split()[-1]) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="read from Linux's own accounting")
def test_ten_times_the_pages_at_the_same_memory(tmp_path: Path) -> None:
    """2 and 20 MB of resources: 131 and 136 MB at the peak; to hold all of them would add 18 and more."""
    peaks = []
    for n in (400, 4_000):
        with Memory(token=SECRET) as memory:
            patient = {"resourceType": "Patient", "name": [{"text": "x" * 5_000}]}
            memory.put(*({**patient, "id": f"p{i}"} for i in range(n)))
            study = tmp_path / str(n)
            study.mkdir()
            (study / "sites.toml").write_text(site(memory.base, "limits.page_size = 50"))
            peaks.append(peak(study))
    assert peaks[1] < peaks[0] + 15, peaks
