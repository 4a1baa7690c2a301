"""JSON Schemas of the files that people and other programs read, made from the classes that check them.

python -m rwe.schemas  ──▶  study, sites and results.schema.json, in this folder
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from rwe.results import Results
from rwe.site import SiteTable
from rwe.study import StudyFile

FOLDER = Path(__file__).parent
COMMAND = "python -m rwe.schemas"


def texts() -> dict[str, str]:
    """What each schema file should say now, by its name."""
    schemas: dict[str, dict[str, Any]] = {
        "study.schema.json": StudyFile.model_json_schema(by_alias=True),
        "sites.schema.json": _by_site(SiteTable.model_json_schema(by_alias=True)),
        "results.schema.json": msgspec.json.schema(Results),
    }
    return {name: json.dumps(schema, indent=2, sort_keys=True) + "\n" for name, schema in schemas.items()}


def _by_site(table: dict[str, Any]) -> dict[str, Any]:
    """sites.toml is a table of each site's name."""
    definitions = table.pop("$defs")
    return {
        "$defs": {**definitions, "SiteTable": table},
        "additionalProperties": {"$ref": "#/$defs/SiteTable"},
        "title": "sites.toml",
        "type": "object",
    }


def write() -> None:
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
