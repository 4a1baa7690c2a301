"""A word that stands for a patient's value or a secret, and all the places where it must not show."""

from typing import Any

import pytest

from rwe.errors import RweError

CANARY = "canary-7f3a"


def said(error: "pytest.ExceptionInfo[RweError]") -> str:
    """All that a person or a log could see of an error, with what it was raised from."""
    e: BaseException | None = error.value
    text = []
    while e:
        text.append(f"{e} {e!r} {getattr(e, 'hint', '')}")
        e = e.__cause__ or (None if e.__suppress_context__ else e.__context__)
    return "\n".join(text)


def patient(n: int | str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": f"p{n}", **more}
