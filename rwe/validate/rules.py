"""What the text of a leaf has to be: its form, or one of a few codes.

fhir.resources takes any word where the standard requires one of a few codes, and any reference.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# https://hl7.org/fhir/R4/datatypes.html#date, and only days that there are.
YEAR = r"([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
LEAP = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
LONG = r"(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
SHORT = r"(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
DAY = rf"({YEAR}-({LONG}|{SHORT})|{LEAP}-02-29)"
DATE = rf"({YEAR}(-(0[1-9]|1[0-2]))?|{DAY})"
ZONE = r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)"
INSTANT = rf"{DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?{ZONE}"
# https://hl7.org/fhir/R4/references.html#literal: #contained, an absolute URI, Type/id, or Type?search of
# a transaction.  Ids of any letters: a wrong one dangles, and that is no reason to lose what refers to it.
WORD = r"[^ \t\n\r\f/?#]+"
REFERENCE = (
    r"#[^ \t\n\r\f]*|[A-Za-z][A-Za-z0-9+.-]*:[^ \t\n\r\f]+"
    rf"|[A-Z][A-Za-z]*(/{WORD}(/_history/{WORD})?|\?[^ \t\n\r\f]+)"
)

# Words in a text (SIM905 would have a column of quotes): as the standard prints them.
_OBSERVATION = tuple(
    "registered preliminary final amended corrected cancelled entered-in-error unknown".split()  # noqa: SIM905
)
_ENCOUNTER = tuple(
    "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown".split()  # noqa: SIM905
)
_WHEN = tuple(
    """MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS
    HS WAKE C CM CD CV AC ACM ACD ACV PC PCM PCD PCV""".split()  # noqa: SIM905
)
_COMPARATOR = ("<", "<=", ">=", ">")
_QUANTITIES = ("Age", "Count", "Distance", "Duration", "Quantity")

# Value sets that fhir.resources shortens to "+" or does not name, whole, from hl7.org/fhir/R4 and /R5:
#   observation-status   R4 and R5 alike        encounter-status   R4; R5's is not shortened
#   event-timing         R5 adds IMD            quantity-comparator   R5 adds ad
# The other code elements of the mapped types have no closed list: `language` and Attachment.language
# (BCP 47; preferred only in R4), Attachment.contentType (BCP 13), Coding.code, the units of a Quantity
# and of SampledData (UCUM).
CODES: Mapping[str, Mapping[tuple[str, str], tuple[str, ...]]] = {
    "R4B": {
        ("Observation", "status"): _OBSERVATION,
        ("Encounter", "status"): _ENCOUNTER,
        ("EncounterStatusHistory", "status"): _ENCOUNTER,
        ("TimingRepeat", "when"): _WHEN,
        **{(kind, "comparator"): _COMPARATOR for kind in _QUANTITIES},
    },
    "R5": {
        ("Observation", "status"): _OBSERVATION,
        ("TimingRepeat", "when"): (*_WHEN, "IMD"),
        **{(kind, "comparator"): (*_COMPARATOR, "ad") for kind in _QUANTITIES},
    },
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a text has to match, within what length, or the codes it has to be one of."""

    pattern: str = ""
    shortest: int = 0
    longest: int = 0
    codes: tuple[str, ...] = ()

    def broken(self, text: str) -> bool:
        if self.codes:
            return text not in self.codes
        fits = self.shortest <= len(text) <= (self.longest or len(text))
        return not (fits and re.fullmatch(self.pattern, text))

    def broken_sql(self) -> Iterator[str]:
        """Conditions on `x`, each in words that rules share: DuckDB spends 4 ms on each long pattern."""
        if self.codes:
            yield f"x NOT IN ({', '.join(map(literal, self.codes))})"
        if self.pattern:
            yield f"NOT regexp_full_match(x, {literal(self.pattern)})"
        if self.shortest:
            yield f"length(x) < {self.shortest}"
        if self.longest:
            yield f"length(x) > {self.longest}"


# A dateTime is a date, of ten characters at most, or an instant, which is longer.
DATE_TIME = f"({DATE}|{INSTANT})"
BY_KIND = {
    "Date": Rule(pattern=DATE_TIME, longest=len("2020-02-29")),
    "DateTime": Rule(pattern=DATE_TIME),
    "Instant": Rule(pattern=DATE_TIME, shortest=len("2020-02-29T00:00:00Z")),
    "Reference": Rule(pattern=REFERENCE),
}


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
