"""A site's answer, to a request or to a later round: sealed to the coordinator, and never without its line.

signed message, entry  ──▶  the line of the ledger  ──▶  federate/answer-….sealed
"""

from pathlib import Path
from typing import Any

from rwe.federate import box, ledger
from rwe.federate.checks import Checked
from rwe.federate.files import signed
from rwe.federate.ledger import Entry
from rwe.federate.messages import ANSWER


def release(found: Checked, message: bytes, suffix: str, **entry: Any) -> Path:
    """entry: what its line has beside the request."""
    file = found.file(ANSWER, suffix)
    line = Entry(before="", verb="answer", request=found.digest, query=found.request.query, **entry)
    with signed(file, box.seal(message, to=found.own.members.public())):
        ledger.write(found.plan.folder, line)
    return file
