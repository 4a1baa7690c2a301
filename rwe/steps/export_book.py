"""The codebook of an export: each variable, what was taken out, what risk remains, what is not whole."""

from collections.abc import Iterator, Mapping, Sequence

import rwe
from rwe.output import codebook
from rwe.output.codebook import Variable
from rwe.study import Study

REMOVED = [
    "ids of patients, resources and encounters: a patient is a pseudonym, a keyed hash whose key stays in"
    " data/pseudonym.key of the study",
    "all dates and times: days are counted from time zero, which has no date",
    "birth dates: age is in completed years, 90 stands for 90 and more; with --age-bands in tens of years",
    "all free text: displays, notes, terms of adverse events; an event has its code, with its system",
    "codes of events that are none by their signs (blanks, markup, more than 40 signs)",
    "names, addresses, identifiers and contacts",
]
RISK = [
    "These are data on single persons still: pseudonymous, not anonymous.  Whoever holds the key and the ids,"
    " or knows enough of a person, can find the row.",
    "Site, arm, age, sex, stratum and the days of rare events together may be of one person alone, above all"
    " at a small site; --age-bands makes that rarer, and does not end it.",
    "Values and their days are as exact as they are analysed: who has the source can find a patient by them.",
    "A code of a local system may mean whatever its site meant by it.",
    "The same patient has the same pseudonym in every export of this study, so exports can be joined.",
    "`rwe purge` removes the export below data/; what was written elsewhere is yours to remove.",
]
HEAD = """# Codebook: {title}

{label}

Study {study}, SHA-256 of its file and code lists {sha256}.  Written by `rwe export`.
{partial}
The tables stand in tables/, each as CSV (UTF-8, an empty field is missing) and as Parquet.  In R:

    values <- read.csv("tables/values.csv", na.strings = "")
    arrow::read_parquet("tables/values.parquet")

A text that a spreadsheet would take for a formula begins with a quote (') in CSV, not in Parquet.

## Taken out

{removed}

## What risk remains

{risk}
"""


def files(
    plan: Study, variables: Sequence[Variable], rows: Mapping[str, int], partial: Sequence[str]
) -> Iterator[tuple[str, bytes]]:
    """rows: of each table.  partial: what of the data is not whole, a line each."""
    header = plan.file.study
    of = {"study": header.id, "title": header.title, "label": plan.label, "sha256": plan.sha256}
    lists = {"removed": REMOVED, "risk": RISK, "partial": [f"**Partial**: {line}" for line in partial]}
    head = HEAD.format(**of, **{name: _bullets(items) for name, items in lists.items()})
    said = {
        **of,
        "software": f"rwe {rwe.__version__}",
        "removed": REMOVED,
        "risk": RISK,
        "partial": [*partial],
    }
    yield "codebook.csv", codebook.as_csv(variables)
    yield "codebook.md", codebook.as_markdown(head, rows, variables)
    yield "codebook.json", codebook.as_json(said, rows, variables)


def _bullets(items: Sequence[str]) -> str:
    return "".join(f"- {item}\n" for item in items)
