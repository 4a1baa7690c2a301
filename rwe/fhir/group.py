"""The patients of a Group.

Source: https://hl7.org/fhir/R4/group.html
"""

from typing import Any

import msgspec

from rwe.errors import SiteError
from rwe.fhir.bundle import ID
from rwe.fhir.client import Client


class _Reference(msgspec.Struct, frozen=True):
    reference: Any = None


class _Member(msgspec.Struct):
    entity: _Reference = _Reference()
    inactive: bool = False


class _Group(msgspec.Struct, rename="camel"):
    resource_type: str = ""
    member: list[_Member] = []


def members(client: Client, name: str) -> list[str]:
    """Ids of the Patients that are its members now, sorted; members of other types are not asked for."""
    site = client.site
    what = "the Group"
    answer = client.get(f"Group/{name}", what=what)
    try:
        group = msgspec.json.decode(answer.body, type=_Group)
    except msgspec.DecodeError:
        group = _Group()
    if group.resource_type != "Group":
        raise SiteError(
            f"{site.id}: {what}: the server answers with something else",
            hint=f"correct `group` of [{site.id}]",
        )
    found = {patient for m in group.member if not m.inactive and (patient := _patient(m.entity.reference))}
    if not found:
        raise SiteError(
            f"{site.id}: the Group has no Patient among its members",
            hint=f"correct `group` of [{site.id}], or have the Group filled",
        )
    return sorted(found)


def _patient(reference: Any) -> str | None:
    if not isinstance(reference, str):
        return None
    kind, _, identity = reference.partition("/_history/")[0].rpartition("/")
    return identity if kind.rpartition("/")[2] == "Patient" and ID.fullmatch(identity) else None
