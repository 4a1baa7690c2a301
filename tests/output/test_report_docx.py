"""tables.docx, read by a library that did not write it, holds the tables of the report."""

import io

import docx
import pytest
import results_sample as sample
from read_html import Report

from rwe.output.docx import docx_bytes
from rwe.output.report import render_html, sections

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


@pytest.fixture(scope="module")
def results():
    return sample.build()


@pytest.fixture(scope="module")
def written(results):
    return docx_bytes(results.study.title, results.label, sections(results))


@pytest.fixture(scope="module")
def document(written):
    return docx.Document(io.BytesIO(written))


def rows_of(table):
    """Each row's cells, paragraphs of a cell after a blank, as Report reads them."""
    for row in table._tbl.iter(f"{W}tr"):
        cells = [
            [" ".join("".join(t.text or "" for t in p.iter(f"{W}t")).split()) for p in cell.iter(f"{W}p")]
            for cell in row.iter(f"{W}tc")
        ]
        yield [" ".join(cell) for cell in cells]


def test_every_table_of_the_report_is_in_it_cell_by_cell(results, document):
    shown = list(Report(render_html(results)).tables.values())
    assert len(document.tables) == len(shown) > 30
    for table, there in zip(shown, document.tables, strict=True):
        width = 1 + len(table.rows[0].cells)
        rows = [cells for cells in rows_of(there) if len(cells) == width]
        assert rows[-len(table.rows) :] == [[row.head, *row.cells] for row in table.rows], table.id


def test_the_label_stands_over_each_table_and_on_each_page(results, document):
    texts = [p.text for p in document.paragraphs]
    captions = [i for i, p in enumerate(document.paragraphs) if p.style.name == "Caption"]
    assert len(captions) == len(document.tables)
    assert {texts[i - 1] for i in captions} == {results.label}
    assert document.sections[0].header.paragraphs[0].text == results.label


def test_the_methods_are_in_it(document):
    assert "Methods, in words" in [p.text for p in document.paragraphs if p.style.name == "Heading 1"]


def test_markup_and_formulas_of_others_stay_text(document):
    (terms,) = [t for t in document.tables if any(cells[0] == "=cmd()" for cells in rows_of(t))][:1]
    (term,) = [cells[0] for cells in rows_of(terms) if "<script>" in cells[0]]
    assert len(term) <= 200
    assert term.isprintable()


def test_same_results_same_bytes_and_an_empty_study_has_a_document(results, written):
    assert docx_bytes(results.study.title, results.label, sections(results)) == written
    nothing = sample.empty(label="")
    empty = docx.Document(io.BytesIO(docx_bytes("x & y", "", sections(nothing))))
    assert empty.paragraphs[0].text == "x & y"
