"""The report read back: its tables cell by cell, its headings, figures and attributes."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "img", "link", "input", "hr"}


@dataclass
class Row:
    group: str
    head: str
    cells: list[str]
    heads: list[str]


@dataclass
class Table:
    id: str
    caption: str = ""
    rows: list[Row] = field(default_factory=list)


class Report(HTMLParser):
    """A cell's note follows its text after a blank; `Row.heads` are what a phone shows beside each cell."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, Table] = {}
        self.sections: list[str] = []
        self.figures: list[str] = []
        self.headings: list[tuple[int, str]] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.table: Table | None = None
        self.group = ""
        self.into: list[list[str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.table = self.tables[attributes["id"]] = Table(attributes["id"])
        if tag == "tbody":
            self.group = ""
        if tag == "tr":
            self.row = Row(self.group, "", [], [])
        if tag == "td":
            self.row.heads.append(attributes["data-label"])
        if tag in ("caption", "th", "td", "h1", "h2", "h3", "figure", "section"):
            self.into.append([])
            self.scope = attributes.get("scope")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        for texts in self.into:
            texts.append(data)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("caption", "th", "td", "h1", "h2", "h3", "figure", "section"):
            self.finish(tag, " ".join(" ".join(self.into.pop()).split()))
        if tag == "tr" and self.row.cells:
            self.table.rows.append(self.row)

    def finish(self, tag, text):
        if tag == "caption":
            self.table.caption = text
        elif tag == "td":
            self.row.cells.append(text)
        elif tag == "th" and self.scope == "rowgroup":
            self.group = text
        elif tag == "th" and self.scope == "row":
            self.row.head = text
        elif tag == "figure":
            self.figures.append(text)
        elif tag == "section":
            self.sections.append(text)
        elif tag[1:].isdigit():
            self.headings.append((int(tag[1:]), text))
