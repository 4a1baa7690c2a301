"""lowBoundary() and highBoundary(): the ends of what an imprecise value may mean, as SQL.

    SQL of a value, its FHIR type  ──▶  SQL of the boundary

`1.0` lies between 0.95 and 1.05, `1` between 0.5 and 1.5: decimals need the text as it was sent.
Dates stay text.  A missing time zone is any of -12:00 to +14:00: the earliest instant of a day is at +14:00.
Source: https://hl7.org/fhirpath (lowBoundary, highBoundary)
"""

from rwe.errors import MappingError
from rwe.views.values import DECIMAL

DAY = {False: ("00:00:00.000", "+14:00"), True: ("23:59:59.999", "-12:00")}


def boundary(sql: str, type_name: str, *, high: bool) -> str:
    match type_name:
        case "decimal":
            return _decimal(sql, high=high)
        case "date":
            return _date(sql, high=high)
        case "dateTime" | "instant":
            return _date_time(sql, high=high)
        case "time":
            return _clock(sql, high=high)
    raise MappingError(f"a {type_name} has no boundary", hint="only decimals as sent, dates and times have")


def _decimal(sql: str, *, high: bool) -> str:
    decimals = rf"len(regexp_extract({sql}, '\.([0-9]+)', 1))"
    exponent = f"coalesce(TRY_CAST(regexp_extract({sql}, '[eE](.+)$', 1) AS INTEGER), 0)"
    half = f"CAST(0.5 * power(10, {exponent} - {decimals}) AS {DECIMAL})"
    return f"CAST(TRY_CAST({sql} AS {DECIMAL}) {'+' if high else '-'} {half} AS {DECIMAL})"


def _date(sql: str, *, high: bool) -> str:
    last_day = f"CAST(last_day(TRY_CAST({sql} || '-01' AS DATE)) AS VARCHAR)"
    year, month = ("'-12-31'", last_day) if high else ("'-01-01'", f"{sql} || '-01'")
    return f"(CASE len({sql}) WHEN 4 THEN {sql} || {year} WHEN 7 THEN {month} ELSE {sql} END)"


def _date_time(sql: str, *, high: bool) -> str:
    clock, zone = DAY[high]
    sent_zone = f"regexp_extract({sql}, '(Z|[+-][0-9:]{{5}})$')"
    day = f"{_date(sql, high=high)} || 'T{clock}{zone}'"
    body = _clock(f"regexp_extract({sql}, 'T([0-9:.]+)', 1)", high=high)
    instant = f"left({sql}, 11) || {body} || coalesce(nullif({sent_zone}, ''), '{zone}')"
    return f"(CASE WHEN len({sql}) > 10 THEN {instant} ELSE {day} END)"


def _clock(sql: str, *, high: bool) -> str:
    """hh:mm, hh:mm:ss and fractions of a second of any length, filled up to milliseconds."""
    full = DAY[high][0]
    filled = f"{sql} || substr('{full}', len({sql}) + 1)"
    return f"(CASE WHEN len({sql}) < {len(full)} THEN {filled} ELSE {sql} END)"
