"""The report as it is seen: laid out by Chromium on a desktop, a tablet, a phone and paper.

measure.js looks; broken.html has each defect that it looks for, so that it is known to see.
"""

import contextlib
import re
import zlib
from collections import Counter
from pathlib import Path

import pytest
import results_sample as sample
from browser import INCH, Browser, find
from msgspec.structs import replace

from rwe.output.report import render_html

HERE = Path(__file__).parent
MEASURE = (HERE / "measure.js").read_text(encoding="utf-8")
A4 = int((210 - 2 * 12) / 25.4 * INCH)
"""What the margins of the style sheet leave of a sheet's width, in CSS pixels."""
LETTER = int((11 - (16 + 14) / 25.4) * INCH)
"""And of the height of the lower of the usual sheets."""
VIEWS = {
    "desktop": {"width": 1280},
    "tablet": {"width": 768},
    "phone": {"width": 380, "phone": True},
    "paper": {"width": A4, "media": "print"},
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = find()
    if program is None:
        pytest.skip("no Chromium: install one (apt-get install chromium), or name it in RWE_CHROMIUM")
    browser = Browser(program, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


def wordy():
    """The same with long names and a long label: what a study file may hold."""
    results = sample.build(label="a label of many words " * 12)
    endpoints = [replace(e, label=f"{e.label} with a very long name indeed") for e in sample.ENDPOINTS]
    rows = [replace(c, visit=f"{c.visit}-follow-up") for c in results.comparisons]
    return replace(results, comparisons=rows, design=replace(results.design, endpoints=endpoints))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    for name, results in (("full", sample.build()), ("wordy", wordy()), ("empty", sample.empty())):
        (folder / f"{name}.html").write_text(render_html(results), encoding="utf-8")
    return folder


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("page", ["full", "wordy", "empty"])
def test_nothing_overflows_overlaps_is_empty_faint_or_out_of_order(browser, pages, page, view):
    browser.open(pages / f"{page}.html", **VIEWS[view])
    assert browser.run(MEASURE) == []


def test_each_of_these_defects_would_be_seen(browser):
    browser.open(HERE / "broken.html", **VIEWS["desktop"])
    found = Counter(line.split(": ")[0] for line in browser.run(MEASURE))
    assert found == {
        "overflow": 2, "overlap": 1, "empty figure": 1, "cut off": 1, "contrast": 1, "contrast of a mark": 1,
        "language": 1, "title": 1, "landmark": 1, "heading": 1, "scope": 1, "caption": 1, "alt": 1,
        "scroll": 1, "focus order": 1, "skip link": 1,
    }  # fmt: skip


def test_nothing_is_fetched_but_the_page(browser, pages):
    browser.open(pages / "full.html", **VIEWS["desktop"])
    assert browser.requests() == [(pages / "full.html").as_uri()]
    assert browser.run("document.scripts.length") == 0


def test_a_keyboard_meets_the_skip_link_first_then_the_contents_then_each_table(browser, pages):
    browser.open(pages / "full.html", **VIEWS["desktop"])
    stops = browser.run("[...document.querySelectorAll('a, [tabindex=\"0\"]')].length")
    met = []
    for _ in range(stops):
        browser.press_tab()
        met.append(browser.run(SEEN))
    assert met[0] == ["A", "#report", True]
    assert [tag for tag, _, _ in met] == ["A"] * (1 + browser.run(CONTENTS)) + ["DIV"] * browser.run(TABLES)
    assert all(outlined for _, _, outlined in met)
    assert len({where for _, where, _ in met}) == stops


SEEN = """(() => {
  const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
  const shown = box.bottom > 0 && box.top < innerHeight && style.outlineStyle !== "none";
  return [e.tagName, e.getAttribute("href") || e.querySelector("table").id, shown];
})()"""
CONTENTS, TABLES = (f"document.querySelectorAll('{what}').length" for what in ("nav a", "table"))


def test_on_a_phone_tables_are_tables_to_a_screen_reader_though_they_look_like_cards(browser, pages):
    browser.open(pages / "full.html", **VIEWS["phone"])
    parts = browser.spoken()
    roles = Counter(role for role, _ in parts)
    assert roles["table"] == browser.run(TABLES) == roles["region"]
    assert roles["cell"] == browser.run("document.querySelectorAll('td').length")
    assert roles["rowheader"] >= browser.run("document.querySelectorAll('th[scope=row]').length")
    assert roles["image"] == browser.run("document.querySelectorAll('figure').length")
    assert (roles["main"], roles["navigation"]) == (1, 1)
    assert not [role for role, name in parts if role in ("table", "region", "image", "heading") and not name]


def scales(pdf):
    """Points per CSS pixel of each page: the first two scales of its content, one within the other."""
    for start in re.finditer(rb"stream\r?\n", pdf):
        with contextlib.suppress(zlib.error):
            content = zlib.decompressobj().decompress(pdf[start.end() :])
            first = [float(n) for n in re.findall(rb"([\d.]+) 0 0 -?[\d.]+ [\d.]+ [\d.]+ cm", content)[:2]]
            if re.match(rb"[\d.]+ 0 0 -[\d.]+ 0 [\d.]+ cm", content):
                yield first[0] * first[1]


def test_a_print_is_in_full_size_on_every_page_and_cuts_no_figure(browser, pages):
    """Where something is too wide for the sheet, Chromium shrinks all of them."""
    browser.open(pages / "full.html", **VIEWS["paper"])
    tallest = browser.run("Math.max(...[...document.querySelectorAll('figure')].map((f) => f.offsetHeight))")
    assert 300 < tallest < LETTER
    found = list(scales(browser.pdf()))
    assert len(found) > 10
    assert found == pytest.approx([72 / INCH] * len(found), rel=1e-3)


def test_a_browser_that_is_named_is_never_skipped(monkeypatch):
    monkeypatch.setenv("RWE_CHROMIUM", "/nowhere/chromium")
    assert find() == "/nowhere/chromium"
