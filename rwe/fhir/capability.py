"""What a server says that it can do.

    GET metadata  ──▶  capability()  ──▶  Capability

A server that lists nothing is taken at its deeds: what it then does with a request is looked at.
Source: https://hl7.org/fhir/R4/capabilitystatement.html
"""

import re
from typing import Any

import msgspec

from rwe.errors import SiteError
from rwe.fhir.client import Client

VERSION_4 = re.compile(r"bulkdata/.+\|4(\.|$)|bulkdata\|4(\.|$)")
EXPORTS = {"export": "system", "patient-export": "Patient", "group-export": "Group"}


class Named(msgspec.Struct):
    name: str = ""
    definition: str | dict[str, object] = ""

    def export(self) -> str | None:
        """The level of a $export, by its definition or its name; some servers give both the plain name."""
        text = self.definition if isinstance(self.definition, str) else str(self.definition)
        found = (text.rpartition("/")[2].partition("|")[0] or self.name).lower()
        return EXPORTS.get(found) or EXPORTS.get(self.name.lower().lstrip("$"))


class Interaction(msgspec.Struct):
    code: str = ""


class Offered(msgspec.Struct, rename="camel"):
    """What is offered of one resource type; search_include is not to cost the statement, if it is odd."""

    type: str = ""
    interaction: list[Interaction] = []
    search_param: list[Named] = []
    search_include: Any = None
    operation: list[Named] = []

    def searches_by(self, name: str) -> bool | None:
        """None where it lists no parameter at all."""
        return any(p.name == name for p in self.search_param) if self.search_param else None

    def includes(self, by: str) -> bool:
        """by: Type:parameter; some servers write it with a dot, or name all at once."""
        listed = self.search_include if isinstance(self.search_include, list) else []
        names = {by, by.replace(":", "."), f"{self.type}:*", "*"}
        return any(isinstance(name, str) and name in names for name in listed)

    def does(self, code: str) -> bool:
        return any(i.code == code for i in self.interaction)


class Rest(msgspec.Struct, rename="camel"):
    mode: str = ""
    resource: list[Offered] = []
    search_param: list[Named] = []
    operation: list[Named] = []


class Software(msgspec.Struct, frozen=True):
    name: str = ""


class Capability(msgspec.Struct, rename="camel"):
    """What of a CapabilityStatement is asked here."""

    resource_type: str = ""
    fhir_version: str = ""
    publisher: str = ""
    software: Software = Software()
    instantiates: list[str] = []
    implementation_guide: list[str] = []
    rest: list[Rest] = []

    def servers(self) -> list[Rest]:
        return [rest for rest in self.rest if rest.mode in ("server", "")]

    def types(self) -> set[str]:
        return {r.type for rest in self.servers() for r in rest.resource}

    def offered(self, kind: str) -> Offered:
        return next(
            (r for rest in self.servers() for r in rest.resource if r.type == kind), Offered(type=kind)
        )

    def declares(self, kind: str, name: str) -> bool:
        """A parameter of the type, or of all types."""
        everywhere = any(p.name == name for rest in self.servers() for p in rest.search_param)
        return everywhere or bool(self.offered(kind).searches_by(name))

    def exports(self) -> set[str]:
        """The levels of $export: system, Patient, Group."""
        here = [operation for rest in self.servers() for operation in rest.operation]
        levels = {level for operation in here if (level := operation.export())}
        for kind in ("Patient", "Group"):
            if any(operation.export() for operation in self.offered(kind).operation):
                levels.add(kind)
        return levels

    @property
    def exports_v4(self) -> bool:
        """By version 4 of the Bulk Data guide, which is asked by POST."""
        return any(VERSION_4.search(url) for url in (*self.instantiates, *self.implementation_guide))

    @property
    def vendor(self) -> str | None:
        """Of those whose servers are known to want something of their own."""
        said = f"{self.software.name} {self.publisher}".lower()
        return next((v for v in ("epic", "cerner", "oracle", "hapi", "smile", "wso2") if v in said), None)


class VersionError(SiteError):
    """The server speaks another version of FHIR than sites.toml says."""


def statement(client: Client) -> tuple[Capability, str | None, SiteError | None]:
    """As capability(); of a site that is asked by export alone an empty one is enough, with why it is."""
    try:
        return *capability(client), None
    except VersionError:
        raise
    except SiteError as e:
        if client.site.table.method != "bulk":
            raise
        return Capability(), None, e


def capability(client: Client) -> tuple[Capability, str | None]:
    """The CapabilityStatement and the server's time; SiteError where its FHIR version is another."""
    answer = client.get("metadata", what="the CapabilityStatement")
    site = client.site
    try:
        statement = msgspec.json.decode(answer.body, type=Capability)
    except msgspec.DecodeError:
        statement = Capability()
    if statement.resource_type != "CapabilityStatement":
        raise SiteError(
            f"{site.id}: /metadata is no CapabilityStatement",
            hint="does `url` end where the FHIR API begins?",
        ) from None
    declared = statement.fhir_version
    if declared.split(".")[:2] != site.fhir_version.split(".")[:2]:
        version = declared if declared.replace(".", "").isalnum() and len(declared) < 20 else "another"
        raise VersionError(
            f"{site.id}: the server speaks FHIR {version or 'unknown'}, not {site.fhir_version}",
            hint=f"correct fhir_version of [{site.id}]",
        )
    return statement, answer.date
