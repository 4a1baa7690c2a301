"""What the faults of all kinds share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.fhir.server import Reply

if TYPE_CHECKING:
    from tests.fhir.proxy import Exchange

Fault = Callable[["Exchange"], Reply]


def issue(severity: str, code: str) -> dict[str, Any]:
    text = {"severity": severity, "code": code, "diagnostics": "what a server says of a patient"}
    return {"resourceType": "OperationOutcome", "issue": [text]}


def half(reply: Reply) -> int:
    return len(reply.body) // 2
