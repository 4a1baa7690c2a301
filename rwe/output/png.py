"""A drawing as PNG, twice as large as on the screen, in a font that comes with the package.

A machine without fonts would leave out every word, and one with others would make other bytes.
"""

from importlib.resources import files

import resvg_py
from markupsafe import Markup

from rwe.output.figures import standalone
from rwe.output.page import Figure

FAMILY = "Source Sans Pro"
FACES = ("Regular", "Bold")
ZOOM = 2.0


def png_bytes(figure: Figure) -> bytes:
    drawing = standalone(figure).decode().replace("Helvetica, Arial, sans-serif", FAMILY, 1)
    return resvg_py.svg_to_bytes(
        svg_string=drawing,
        zoom=ZOOM,
        background="white",
        font_files=_faces(),
        # the machine's own are slow to look through, and wanted only for other scripts than these
        skip_system_fonts=not _foreign(figure.svg),
    )


def _faces() -> list[str]:
    folder = files("font_source_sans_pro") / "files"
    return [str(folder / f"SourceSansPro-{face}.otf") for face in FACES]


def _foreign(drawing: Markup) -> bool:
    """Any letter that is not Latin, Greek or Cyrillic."""
    return not drawing.isascii() and any("\u0530" <= c < "\u1e00" or c >= "\u2e80" for c in drawing)
