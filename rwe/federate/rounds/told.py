"""What all sites have signed in one round: verified by whoever adds it up, coordinator or site.

signed Sums of each site  ──▶  opened()  ──▶  totals(), as the masks cancel
"""

from collections.abc import Sequence

from rwe.federate import envelope
from rwe.federate.members import Members
from rwe.federate.messages import SUMS, Request, Sums
from rwe.federate.refusals import refusal
from rwe.federate.rounds import vector
from rwe.federate.rounds.slots import Steps, Totals, going_on


def opened(told: Sequence[str], asked: Request, known: Members, *, number: int, where: object) -> list[Sums]:
    """One of each site that is asked, in their order; each signed by that site and its steward."""
    if len(told) != len(asked.sites):
        raise refusal("bad_form", where, about="not the sums of all sites")
    digest, found = envelope.digest(asked), []
    for site, text in zip(asked.sites, told, strict=True):
        if site not in known.site:
            raise refusal("not_pinned", where)
        sums = envelope.opened(text.encode(), SUMS, Sums, keys=known.site[site].public(), where=where)
        if (sums.request, sums.query, sums.number) != (digest, asked.query, number):
            raise refusal("other_request", where)
        if sums.site != site:
            raise refusal("wrong_site", where)
        found.append(sums)
    if len({sums.before for sums in found}) > 1:
        raise refusal("other_round", where)
    return found


def totals(told: Sequence[Sums], steps: Steps, where: object) -> Totals:
    """Of each model that goes on, and of no other."""
    models = {str(slot): step.size for slot, step in going_on(steps)}
    if any(sums.slots.keys() != models.keys() for sums in told):
        raise refusal("bad_form", where, about="not the sums of these models")
    found = {}
    for name, size in models.items():
        total = vector.total([sums.slots[name] for sums in told], size)
        if total is None:
            raise refusal("masks_left", where)
        found[name] = total
    return found
