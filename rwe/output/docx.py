"""The report's text and tables as one Word document, to take a table over into a paper.

WordprocessingML by hand: a few kinds of element, in a fraction of the time that a library takes cell by
cell, and the same bytes for the same results.  Every text goes through `_run`, which escapes it.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence

from markupsafe import escape

from rwe.output.page import Cell, Group, Part, Section, Table
from rwe.output.words import plain, short

NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
KIND = "application/vnd.openxmlformats-officedocument.wordprocessingml"
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
LANDSCAPE = (
    '<w:sectPr><w:headerReference w:type="default" r:id="rId2"/>'
    '<w:pgSz w:w="16838" w:h="11906" w:orient="landscape"/>'
    '<w:pgMar w:top="1134" w:right="850" w:bottom="1134" w:left="850" w:header="567" w:footer="567"'
    ' w:gutter="0"/></w:sectPr>'
)
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Of every part, where a clock would make other bytes each time."""
STYLES = (
    # id, name as Word knows it, size in half points, bold, space before in twentieths of a point, level
    ("Normal", "Normal", 20, False, 0, None),
    ("Title", "Title", 32, True, 0, None),
    ("Heading1", "heading 1", 26, True, 360, 0),
    ("Heading2", "heading 2", 22, True, 240, 1),
    ("Caption", "caption", 20, True, 200, None),
    ("Cell", "Cell", 16, False, 0, None),
    ("Note", "Note", 14, False, 0, None),
)


def docx_bytes(title: str, label: str, sections: Iterable[Section]) -> bytes:
    content = [_paragraph(title, "Title"), *(part for s in sections for part in _section(s, label))]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _parts("".join(content), label).items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), XML + text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _parts(body: str, label: str) -> dict[str, str]:
    spaces = f'xmlns:w="{NAMESPACE}" xmlns:r="{OFFICE}"'
    document = f"<w:document {spaces}><w:body>{body}{LANDSCAPE}</w:body></w:document>"
    return {
        "[Content_Types].xml": _content_types(),
        "_rels/.rels": _relations(("officeDocument", "word/document.xml")),
        "word/_rels/document.xml.rels": _relations(("styles", "styles.xml"), ("header", "header.xml")),
        "word/document.xml": document,
        "word/styles.xml": f"<w:styles {spaces}>{''.join(map(_style, STYLES))}</w:styles>",
        "word/header.xml": f"<w:hdr {spaces}>{_paragraph(label, 'Note')}</w:hdr>",
    }


def _content_types() -> str:
    parts = (("document", "document.main"), ("styles", "styles"), ("header", "header"))
    overrides = (
        f'<Override PartName="/word/{name}.xml" ContentType="{KIND}.{kind}+xml"/>' for name, kind in parts
    )
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    return (
        f'<Types xmlns="{TYPES}"><Default Extension="rels" ContentType="{relations}"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{"".join(overrides)}</Types>'
    )


def _relations(*targets: tuple[str, str]) -> str:
    lines = (
        f'<Relationship Id="rId{i}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for i, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{RELATIONS}">{"".join(lines)}</Relationships>'


def _style(style: tuple[str, str, int, bool, int, int | None]) -> str:
    key, name, size, bold, before, level = style
    default = ' w:default="1"' if key == "Normal" else ""
    outline = "" if level is None else f'<w:outlineLvl w:val="{level}"/>'
    keep = "<w:keepNext/>" if before else ""
    return (
        f'<w:style w:type="paragraph" w:styleId="{key}"{default}><w:name w:val="{name}"/>'
        f'<w:pPr>{keep}<w:spacing w:before="{before}" w:after="40"/>{outline}</w:pPr>'
        f'<w:rPr><w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:cs="Arial"/>{"<w:b/>" if bold else ""}'
        f'<w:sz w:val="{size}"/></w:rPr></w:style>'
    )


def _section(section: Section, label: str) -> Iterator[str]:
    yield _paragraph(section.title, "Heading1")
    for part in section.parts:
        yield from _part(part, label)


def _part(part: Part, label: str) -> Iterator[str]:
    if part.title:
        yield _paragraph(short(part.title), "Heading2")
    for text in (*part.paragraphs, *part.items):
        yield _paragraph(text, "Normal")
    for table in part.tables:
        yield _paragraph(label, "Note") if label else ""
        yield _paragraph(short(table.caption), "Caption")
        yield _table(table)
        for note in table.notes:
            yield _paragraph(note, "Note")


def _table(table: Table) -> str:
    border = '<w:{} w:val="single" w:sz="4" w:color="808080"/>'
    borders = "".join(border.format(side) for side in ("top", "bottom", "insideH"))
    grid = "<w:gridCol/>" * len(table.columns)
    rows = [*_head(table), *(line for group in table.groups for line in _group(group, table))]
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="5000" w:type="pct"/><w:tblBorders>{borders}</w:tblBorders></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"
    )


def _head(table: Table) -> Iterator[str]:
    if table.stacked:
        yield _row([_cell([(over, "Cell")], span=width, bold=True) for over, width, _ in table.spans], "head")
    yield _row([_cell([(c.title, "Cell")], bold=True) for c in table.columns], "head")


def _group(group: Group, table: Table) -> Iterator[str]:
    if group.title:
        yield _row([_cell([(short(group.title), "Cell")], span=len(table.columns), bold=True)])
    for row in group.rows:
        yield _row([_cell(_lines(cell)) for cell in (row.head, *row.cells)])


def _lines(cell: Cell) -> list[tuple[str, str]]:
    return [(cell.text, "Cell"), *([(cell.note, "Note")] if cell.note else [])]


def _row(cells: Sequence[str], kind: str = "") -> str:
    """A head is repeated on each page; no row is broken over two."""
    head = "<w:tblHeader/>" if kind == "head" else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{head}</w:trPr>{''.join(cells)}</w:tr>"


def _cell(lines: Sequence[tuple[str, str]], *, span: int = 1, bold: bool = False) -> str:
    wide = f'<w:gridSpan w:val="{span}"/>' if span > 1 else ""
    text = "".join(_paragraph(words, style, bold=bold) for words, style in lines)
    return f"<w:tc><w:tcPr>{wide}</w:tcPr>{text}</w:tc>"


def _paragraph(text: str, style: str, *, bold: bool = False) -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{_run(text, bold)}</w:p>'


def _run(text: str, bold: bool) -> str:
    weight = "<w:rPr><w:b/></w:rPr>" if bold else ""
    return f'<w:r>{weight}<w:t xml:space="preserve">{escape(plain(text))}</w:t></w:r>'
