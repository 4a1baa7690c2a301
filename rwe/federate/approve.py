"""approve: a site's data steward lets exactly this request be answered, by its hash.

request, steward's key  ──▶  federate/approval-….json, a line of the ledger before it
"""

import re
from datetime import datetime
from pathlib import Path

from rwe.errors import UsageError
from rwe.federate import envelope, ledger, members
from rwe.federate.checks import Checked, checked
from rwe.federate.files import content, signed
from rwe.federate.keys import Secret
from rwe.federate.ledger import Entry
from rwe.federate.messages import APPROVAL, Approval
from rwe.federate.refusals import refusal
from rwe.steps.audit import stamp

DIGITS = re.compile("[0-9A-Fa-f]{64}")


def approve(study_dir: Path, path: Path, *, now: datetime, sha256: str = "") -> Path:
    """sha256: of the request that `show` printed; none: of whatever is there."""
    return approved(study_dir, path, now=now, sha256=sha256)[0]


def approved(study_dir: Path, path: Path, *, now: datetime, sha256: str = "") -> tuple[Path, Checked]:
    """The approval, and what was approved.  Not by a part of the hash: requests of one part can be made."""
    if sha256 and not DIGITS.fullmatch(sha256):
        raise UsageError("--sha256: must be 64 hexadecimal digits", hint="`rwe federate show` prints them")
    with ledger.recording(study_dir, "approve", now):
        found = checked(study_dir, path, now=now)
        if sha256 and found.digest != sha256.lower():
            raise refusal("not_shown", path)
        made = Approval(request=found.digest, site=found.own.name, approved_at=stamp(now))
        entry = Entry(before="", at=stamp(now), what="approved", verb="approve", request=found.digest)
        file = found.file(APPROVAL, ".json")
        with signed(file, envelope.sign(made, APPROVAL, steward(found))):
            ledger.write(study_dir, entry)
    return file, found


def steward(found: Checked) -> Secret:
    """The key of this site's steward, no other."""
    key = members.key(found.plan.folder, members.STEWARD)
    if key.public.text != found.own.members.site[found.own.name].steward:
        raise refusal("wrong_key", found.plan.folder / members.FOLDER / f"{members.STEWARD}.key")
    return key


def require(found: Checked) -> None:
    """The steward approved this very request."""
    file = found.file(APPROVAL, ".json")
    if not file.exists():
        raise refusal("not_approved", found.path)
    _, key = found.own.members.site[found.own.name].public()
    said = envelope.opened(content(file), APPROVAL, Approval, keys=[key], where=file)
    if (said.request, said.site) != (found.digest, found.own.name):
        raise refusal("not_approved", found.path)
