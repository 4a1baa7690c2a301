"""PNG is the same drawing as SVG, with its words on any machine."""

import re
import struct
import zlib

import pytest
import results_sample as sample
from markupsafe import Markup
from msgspec.structs import replace

from rwe.output.figures import all_figures
from rwe.output.page import Figure
from rwe.output.png import png_bytes


@pytest.fixture(scope="module")
def figure():
    return next(f for f in all_figures(sample.build()) if f.slug == "events-all")


def pixels(png):
    """Width, height and the colour of each pixel; unfiltered by hand, as no other package reads PNG here."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    data, at = b"", 8
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        data += png[at + 8 : at + 8 + size] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += size + 12
    raw, row = zlib.decompress(data), 1 + 4 * width
    assert len(raw) == row * height
    return width, height, raw


def test_a_drawing_is_twice_its_size(figure):
    drawn = [float(n) for n in re.search(r'width="(\d+)" height="(\d+)"', figure.svg).groups()]
    width, height, _ = pixels(png_bytes(figure))
    assert [width, height] == [2 * n for n in drawn]


def test_words_are_drawn_in_a_font_of_the_package(figure):
    """Where no font is found each word is left out without an error."""
    silent = Markup(re.sub("<text.*?</text>", "", figure.svg))
    assert len(png_bytes(Figure("x", silent))) < 0.7 * len(png_bytes(figure))


def test_same_drawing_same_bytes(figure):
    assert png_bytes(figure) == png_bytes(figure)


def test_signs_that_no_font_of_ours_has_are_looked_for_on_the_machine(monkeypatch):
    asked = []
    monkeypatch.setattr("rwe.output.png.resvg_py.svg_to_bytes", lambda **options: asked.append(options))
    for title in ("Café ≤ 4 × 10⁷ − µ “σ”", "肺功能"):
        results = replace(sample.build(), label=title)
        png_bytes(all_figures(results)[0])
    assert [options["skip_system_fonts"] for options in asked] == [True, False]
