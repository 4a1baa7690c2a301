"""What of an OperationOutcome is told: its codes, never its text, which may name a patient.

Source: https://hl7.org/fhir/R4/operationoutcome.html
"""

import re
from typing import Any, Self

import msgspec

CODE = re.compile(r"[a-z][a-z-]{1,40}")


class Issue(msgspec.Struct):
    severity: str = ""
    code: str = ""


class Outcome(msgspec.Struct):
    issue: list[Issue] = []

    @classmethod
    def of(cls, issues: Any) -> Self:
        """Of the element `issue`; one that cannot be read is an error."""
        try:
            return cls(issue=msgspec.convert(issues, list[Issue]))
        except msgspec.ValidationError:
            return cls(issue=[Issue(severity="error")])

    def worst(self) -> str | None:
        """The code of an error or worse."""
        bad = (i for i in self.issue if i.severity not in ("information", "warning", "success"))
        return next((i.code if CODE.fullmatch(i.code) else "another code" for i in bad), None)

    def codes(self) -> list[str]:
        return [i.code for i in self.issue if CODE.fullmatch(i.code)]
