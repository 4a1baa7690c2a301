"""Files that are not as they should be, through `rwe pull` and `rwe map`: a fault costs its own resource."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rwe.reasons import REASONS
from tests.cli import folders
from tests.run import rwe

CANARY = "canary-7f3a"
END = b"\n"


def patient(n: int, **more: object) -> bytes:
    return json.dumps({"resourceType": "Patient", "id": f"p{n}", "birthDate": "1970-01-01", **more}).encode()


def observation(n: int, **more: object) -> bytes:
    code, subject = {"text": "x"}, {"reference": "Patient/p1"}
    found = {
        "resourceType": "Observation",
        "id": f"o{n}",
        "status": "final",
        "code": code,
        "subject": subject,
    }
    return json.dumps({**found, **more}).encode()


A, B = patient(1), patient(2)
BETWEEN = A + END + b"%b" + END + B + END
DEEP = b'{"resourceType":"Patient","id":"p9","extension":%b}' % (b"[" * 5000 + b"]" * 5000)
RENE = patient(9, name=[{"text": "@"}]).replace(b"@", b"Ren\xe9 " + CANARY.encode())
NAN = patient(9, multipleBirthInteger=float("nan"))
CUT = patient(9)[:30]
DEVICE = b'{"resourceType":"Device","id":"d"}'

# What the file holds; what becomes of it by type: mapped, superseded, set aside; then each that is set aside.
FILES: dict[str, tuple[bytes, dict[str, tuple[int, int, int]], list[tuple[int, str, str | None]]]] = {
    "duplicate keys": (
        BETWEEN % patient(9).replace(b'"birthDate"', b'"gender":"male","gender":"female","birthDate"'),
        {"Patient": (2, 0, 1)},
        [(2, "repeated_key", "Patient.gender")],
    ),
    "BOM": (b"\xef\xbb\xbf" + A + END + B, {"Patient": (2, 0, 0)}, []),
    "invalid UTF-8": (
        BETWEEN % RENE,
        {"Patient": (2, 0, 0), "unknown": (0, 0, 1)},
        [(2, "not_utf8", f"byte {RENE.index(0xE9) + 1}")],
    ),
    "NaN": (
        BETWEEN % NAN,
        {"Patient": (2, 0, 0), "unknown": (0, 0, 1)},
        [(2, "not_json", f"byte {NAN.index(b'NaN') + 1}")],
    ),
    "cut last line": (
        A + END + B + END + CUT,
        {"Patient": (2, 0, 0), "unknown": (0, 0, 1)},
        [(3, "not_json", f"byte {len(CUT) + 1}")],
    ),
    "CRLF": (A + b"\r\n" + B + b"\r\n", {"Patient": (2, 0, 0)}, []),
    "blank lines": (b"\n\r\n" + A + b"\n \t\n\n" + B + b"\n\n", {"Patient": (2, 0, 0)}, []),
    "mixed types in one file": (
        END.join([A, observation(1), DEVICE, B, observation(2), A]),
        {"Patient": (2, 1, 0), "Observation": (2, 0, 0)},
        [],
    ),
    "arrays where objects belong": (
        END.join(
            [A, b"[]", b"[" + B + b"]", observation(1, code=[{"text": CANARY}]), patient(9, meta=[]), B]
        ),
        {"Patient": (2, 0, 0), "Observation": (0, 0, 1), "unknown": (0, 0, 3)},
        [
            (2, "not_a_resource", None),
            (3, "not_a_resource", None),
            (4, "invalid", "Observation.code: model_validation_format"),
            (5, "not_a_resource", "meta"),
        ],
    ),
    "5,000-deep nesting": (
        BETWEEN % DEEP,
        {"Patient": (2, 0, 0), "unknown": (0, 0, 1)},
        [(2, "too_deep", None)],
    ),
    "a 200 MB line": (
        BETWEEN % patient(9, language="x" * 200_000_000),
        {"Patient": (2, 0, 0), "unknown": (0, 0, 1)},
        [(2, "too_long", None)],
    ),
}


@pytest.fixture
def study(tmp_path):
    folder = folders.copy("albuterol", tmp_path / "study")
    (tmp_path / "site").mkdir()
    return folders.sites(folder, only=tmp_path / "site")


def put(study: Path, content: bytes) -> None:
    (study.parent / "site" / "a.ndjson").write_bytes(content)


@pytest.mark.parametrize("name", FILES)
def test_a_fault_costs_its_own_resource_and_counts_add_up(study, name):
    content, expected, listed = FILES[name]
    put(study, content)
    expect = 3 if listed else 0
    rwe("pull", "--dir", study, expect=expect)
    found = json.loads(rwe("map", "--dir", study, "--json", expect=expect).stdout)
    counts = [c for c in found["resources"] if c["asked"]]
    assert {c["type"]: (c["mapped"], c["superseded"], c["set_aside"]) for c in counts} == expected
    assert all(c["asked"] == c["mapped"] + c["superseded"] + c["set_aside"] for c in counts)
    assert [(p["position"], p["reason"], p["detail"]) for p in found["set_aside"]] == listed
    assert folders.rows(study, "SELECT patient_id FROM patient ORDER BY ALL") == [("p1",), ("p2",)]


ALL = END.join([A, *(FILES[name][0] for name in list(FILES)[:-1] if FILES[name][2]), B])


def test_pull_and_map_list_each_with_place_and_what_to_do(study):
    """In words and as JSON; the one that is only seen when mapping is listed by map alone."""
    put(study, ALL)
    places = {}
    for verb in ("pull", "map"):
        text = rwe(verb, "--dir", study, expect=3).stdout
        found = json.loads(rwe(verb, "--dir", study, "--json", expect=3).stdout)
        pieces = found["set_aside"] if verb == "map" else found["sites"][0]["set_aside"]
        for p in pieces:
            detail = f" ({p['detail']})" if p["detail"] else ""
            assert f"\n  only: a.ndjson:{p['position']} {p['type']}{detail}\n" in text + "\n"
            what, todo = REASONS[p["reason"]]
            assert f"× {p['reason']}: {what}; {todo}\n" in text
        places[verb] = [(p["position"], p["reason"]) for p in pieces]
        assert CANARY not in text
    assert set(places["map"]) - set(places["pull"]) == {(p, r) for p, r in places["map"] if r == "invalid"}
    assert set(places["pull"]) < set(places["map"])
    assert len(places["map"]) == sum(len(listed) for _, _, listed in FILES.values()) - 1


@pytest.mark.parametrize("verb", ["pull", "map"])
def test_a_long_list_is_cut_with_its_count_and_whole_as_json(study, verb):
    put(study, END.join([A, *[b"{"] * 30]))
    rwe("pull", "--dir", study, expect=3)
    text = rwe(verb, "--dir", study, expect=3).stdout
    assert text.count("  only: a.ndjson:") == 20
    assert f"  and 10 more: `rwe {verb} --json` lists all" in text
    assert rwe(verb, "--dir", study, "--json", expect=3).stdout.count('"not_json"') == 30


def test_a_line_that_is_too_long_is_never_held_whole(study):
    """No more than a line may be long is held of it; 64 MB unless the site says otherwise."""
    put(study, A)
    little = memory(study)
    put(study, FILES["a 200 MB line"][0])
    assert memory(study) - little < 120_000_000


def memory(study: Path) -> int:
    """The most that a pull held, in bytes: a child of its own is asked, since the most of all is kept."""
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'rwe', 'pull', '--dir', sys.argv[1]], capture_output=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    words = [sys.executable, "-c", code, str(study)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024)
