"""A pull by search against a bare loop of the same requests, its bodies thrown away.

    python -m tests.bench.pull [--rows 20000] [--rounds 5]

The server is a process of its own and answers with bytes made beforehand.  Wall and CPU seconds of the
whole command, and with its start taken off: that of a pull of a server that holds nothing.
"""

import argparse
import itertools
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rwe import data
from tests.bench.cpu import Command, python, rwe
from tests.bench.export import observations, timed

SERVER = """
import json, re, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

folder = Path(sys.argv[1])
rows = (folder / "rows").read_bytes().splitlines()
kinds = "AdverseEvent Condition Encounter Medication MedicationAdministration Observation Patient".split()
statement = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}
statement["rest"] = [{"mode": "server", "resource": [{"type": k} for k in kinds]}]

def bundle(total, entries, link=""):
    return b'{"resourceType":"Bundle","type":"searchset","total":%d%s,"entry":[%s]}' % (
        total, link.encode(), b",".join(b'{"resource":%s,"search":{"mode":"match"}}' % e for e in entries))

class Handler(BaseHTTPRequestHandler):
    protocol_version, pages, wbufsize = "HTTP/1.1", {}, -1
    disable_nagle_algorithm = True

    def do_GET(self):
        base = "http://" + self.headers["host"]
        if self.path == "/metadata":
            body = json.dumps(statement).encode()
        elif self.path.startswith("/Observation") and "_summary" in self.path:
            body = bundle(len(rows), [])
        elif found := re.search(r"/Observation\\?(?:_count=(\\d+)|page=(\\d+)-(\\d+))", self.path):
            size, at = int(found[1] or found[2]), int(found[3] or 0)
            key = size, at
            if key not in self.pages:
                link = ""
                if at + size < len(rows):
                    onward = {"relation": "next", "url": f"{base}/Observation?page={size}-{at + size}"}
                    link = ',"link":[' + json.dumps(onward) + "]"
                self.pages[key] = bundle(len(rows), rows[at : at + size], link)
            body = self.pages[key]
        else:
            body = bundle(0, [])
        self.send_response(200)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""
LOOP = """
import json, sys
import requests
http = requests.Session()
http.trust_env = False
base, size, kinds = {base!r}, {size}, {kinds!r}
http.get(base + "/metadata").content
for kind in kinds:
    http.get(base + "/" + kind + "?_summary=count").content
    url = base + "/" + kind + "?_count=" + str(size)
    while url:
        head, found, rest = http.get(url).content[:400].partition(b'"relation": "next", "url": "')
        url = rest.partition(b'"')[0].decode()
"""
KINDS = ["AdverseEvent", "Condition", "Encounter", "MedicationAdministration", "Observation", "Patient"]
KINDS += ["Medication"]
Runs = dict[str, list[tuple[float, float]]]


@contextmanager
def serving(folder: Path, rows: int) -> Iterator[str]:
    lines = itertools.islice(observations(10**15), rows)
    folder.mkdir()
    with (folder / "rows").open("wb") as file:
        file.writelines(lines)
    with subprocess.Popen([sys.executable, "-c", SERVER, str(folder)], stdout=subprocess.PIPE) as server:
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def pulling(folder: Path, base: str, size: int, concurrency: int) -> tuple[Path, Command]:
    study = folder / f"study-{size}-{concurrency}-{base.rpartition(':')[2]}"
    shutil.copytree(data.demo_study(), study, ignore=shutil.ignore_patterns("fhir", "data", "results"))
    limits = f"limits.page_size = {size}\nlimits.concurrency = {concurrency}\n"
    (study / "sites.toml").write_text(f'[north]\nurl = "{base}"\nfhir_version = "4.0.1"\n{limits}')
    return study, rwe("pull", "--everything", "--dir", study)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rows", type=int, default=20_000)
    arguments.add_argument("--rounds", type=int, default=5)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder / "all", given.rows) as base, serving(folder / "none", 0) as empty:
            for size in (20, 200):
                show(size, given.rows, _runs(folder, base, empty, size, given.rounds))


def _runs(folder: Path, base: str, empty: str, size: int, rounds: int) -> Runs:
    bare = {"loop": base, "loop, nothing": empty}
    commands = {name: (None, python(LOOP.format(base=b, size=size, kinds=KINDS))) for name, b in bare.items()}
    pulls = {
        f"pull{what}, {c} at once": pulling(folder, b, size, c)
        for c in (1, 4)
        for what, b in (("", base), (" of nothing", empty))
    }
    every: dict[str, tuple[Path | None, Command]] = {**commands, **pulls}
    spent: Runs = {name: [] for name in every}
    for turn in range(rounds + 1):
        for name, (study, command) in every.items():
            if study:
                shutil.rmtree(study / "data", ignore_errors=True)
            used = timed(command)
            spent[name] += [used] if turn else []  # the first makes the server's pages
    return spent


def show(size: int, rows: int, spent: Runs) -> None:
    medians = {name: [statistics.median(n) for n in zip(*runs, strict=True)] for name, runs in spent.items()}
    wall, cpu = (a - b for a, b in zip(medians["loop"], medians["loop, nothing"], strict=True))
    print(f"\n{rows} resources, {size} a page; throughput of the loop = 100 %, each start taken off")
    print(f"  loop              wall {wall:6.2f} s          CPU {cpu:6.2f} s")
    for c in (1, 4):
        all_, nothing = medians[f"pull, {c} at once"], medians[f"pull of nothing, {c} at once"]
        w, p = (a - b for a, b in zip(all_, nothing, strict=True))
        print(
            f"  pull, {c} at once   wall {w:6.2f} s {wall / w:6.0%}   CPU {p:6.2f} s {cpu / p:6.0%}"
            f"   start {nothing[1]:.2f} s"
        )


if __name__ == "__main__":
    main()
