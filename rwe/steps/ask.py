"""What a study needs of a server: resource types, and of Observations those codes that it names.

    Study, FHIR version  ──▶  needs()  ──▶  [Need]

Eligibility is decided in SQL, so that attrition stays whole: patients are asked for by Group at most.
"""

import hashlib
import json
from dataclasses import dataclass

from rwe import data
from rwe.codes import Code
from rwe.fhir.include import Include
from rwe.study import Study

BY_REFERENCE = {"Medication": "MedicationAdministration"}
"""Types that are asked for as far as another refers to them."""
BY_PARAMETER = {"Medication": "medication"}
"""The search parameter of the other that leads to them."""


@dataclass(frozen=True, kw_only=True)
class Need:
    """codes: of the type's own `code`, None where all of it is needed.

    referred_by: the type whose references say which of it are needed.
    include: what of these the server gives along with it.
    """

    kind: str
    codes: tuple[Code, ...] | None = None
    referred_by: str | None = None
    include: Include | None = None

    def query(self, group: str | None) -> str:
        """What is asked, hashed: another group or code list makes another series."""
        codes = None if self.codes is None else sorted({(c.system, c.code) for c in self.codes})
        by = ["combo-code"] if codes else []  # by `code` it was another series
        text = json.dumps([self.kind, codes, self.referred_by, group, *by])
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def types(fhir_version: str) -> list[str]:
    """The resource types that a mapping reads."""
    views = (json.loads(f.read_bytes()) for f in data.mapping_files(fhir_version))
    return sorted({view["resource"] for view in views})


def needs(plan: Study | None, fhir_version: str, *, group: str | None = None) -> list[Need]:
    """Of no study: everything of every mapped type, but of a Group what its patients' resources refer to.

    What is referred to comes after what refers to it.
    """
    kinds = types(fhir_version)
    if plan is None and not group:
        return [Need(kind=kind) for kind in kinds]
    found = [
        Need(
            kind=kind,
            codes=observed(plan) if plan and kind == "Observation" else None,
            referred_by=BY_REFERENCE.get(kind),
        )
        for kind in kinds
    ]
    return sorted(found, key=lambda need: need.referred_by is not None)


def observed(plan: Study) -> tuple[Code, ...]:
    """Every code that makes an Observation one of the study's."""
    file = plan.file
    lists = [e.codes for e in file.endpoint]
    lists += file.stratification.carriers if file.stratification else ()
    lists += [e.codes for e in (*file.exclusion, *file.covariate) if "observation" in e.sources]
    lists += [p.codes for p in (file.population, file.control) if p.source == "observation" and p.codes]
    codes = {(c.system, c.code): c for name in dict.fromkeys(lists) for c in plan.code_lists[name]}
    return tuple(codes.values())
