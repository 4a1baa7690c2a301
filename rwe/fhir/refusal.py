"""What an error's body may tell: codes from known alphabets, never its text, which may name a patient.

Source: https://hl7.org/fhir/R4/operationoutcome.html, RFC 6749 part 5.2
"""

import msgspec

from rwe.fhir.outcome import CODE

MOST = 5
OAUTH = (
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
)


class _Issue(msgspec.Struct):
    code: str = ""


class _Refusal(msgspec.Struct, rename={"kind": "resourceType"}):
    kind: str = ""
    issue: list[_Issue] = []
    error: str = ""


def codes(body: bytes) -> str:
    """` (code, code)` of an OperationOutcome or of a token endpoint's error; empty where there is none."""
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    issues = [i.code for i in refusal.issue if CODE.fullmatch(i.code)]
    found = [*dict.fromkeys(issues)] if refusal.kind == "OperationOutcome" else []
    found += [refusal.error] if refusal.error in OAUTH else []
    return f" ({', '.join(found[:MOST])})" if found else ""
