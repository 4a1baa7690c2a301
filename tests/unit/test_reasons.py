"""The codes of what is set aside: in the README as in the program."""

import re
from pathlib import Path

from rwe.reasons import REASONS

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([a-z0-9_]+)` \| (.+) \| (.+) \|$", re.M)


def test_the_readme_lists_each_reason_with_its_words():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text[text.index("| reason | meaning | what to do |") :]
    rows = ROW.findall(table[: table.index("\n\n")])
    assert rows == [(code, what, todo) for code, (what, todo) in REASONS.items()]


def test_each_reason_given_is_listed_and_each_listed_is_given():
    sources = [p for part in ("landing", "fhir") for p in (ROOT / "rwe" / part).rglob("*.py")]
    sources += [*(ROOT / "rwe" / "validate").glob("*.py"), *(ROOT / "sql" / "map").glob("*.sql")]
    text = "\n".join(p.read_text(encoding="utf-8") for p in sources)
    given = set(re.findall(r"""(?:reason=|unusable\(|return None, )"([a-z0-9_]+)\"""", text))
    assert given <= set(REASONS)
    assert [code for code in REASONS if not re.search(rf"""["']{code}["']""", text)] == []
