"""The names of resource types against the library that knows them."""

import re
from pathlib import Path

import fhir.resources

from rwe.fhir.types import TYPES


def test_every_type_of_r4b_and_r5_is_known():
    folder = Path(fhir.resources.__file__).parent
    sources = [*folder.glob("*.py"), *(folder / "R4B").glob("*.py")]
    made_of = r"^class (\w+)\((?:\w+\.)?(?:Domain|Canonical|Metadata)?Resource\)"
    found = {name for source in sources for name in re.findall(made_of, source.read_text(), re.MULTILINE)}
    abstract = {"DomainResource", "CanonicalResource", "MetadataResource"}
    assert found - abstract <= TYPES
