"""What has come to the coordinator: each file held against its keys and the request.

answers of all rounds  ──▶  arrived(): an Answer of each site, and what was signed in later rounds
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from rwe.federate import box, envelope, form, messages, rules
from rwe.federate.files import content
from rwe.federate.keys import Public, Secret
from rwe.federate.members import Members
from rwe.federate.messages import ANSWER, SUMS, Answer, Ask, Part, Request
from rwe.federate.refusals import refusal
from rwe.federate.secure_sum import fits
from rwe.federate.statistics import STATISTICS, in_rounds

Pair = tuple[str, tuple[Public, Public]]
"""A site's name, its key and its steward's."""
Later = dict[int, dict[str, str]]
"""Signed Sums of later rounds, by number and site."""


def arrived(
    answers: Sequence[Path], asked: Request, known: Members, key: Secret
) -> tuple[dict[str, Answer], Later]:
    """By site, in the order of the request."""
    came: dict[str, Answer] = {}
    later: Later = {}
    pairs = [(name, s.public()) for name, s in known.site.items()]
    whose = {public.fingerprint: (name, keys) for name, keys in pairs for public in keys}
    for path in answers:
        found = _opened(path, whose, key)
        if isinstance(found, str):
            _later(found, later, asked, path)
            continue
        if (found.request, found.query) != (envelope.digest(asked), asked.query):
            raise refusal("other_request", path)
        if found.site not in asked.sites:
            raise refusal("wrong_site", path)
        if found.site in came:
            raise refusal("given_twice", path, about=found.site)
        _fits(found, asked, path)
        came[found.site] = found
    strata = {tuple(part.stratum for part in parts) for a in came.values() for parts in a.parts}
    if len(strata) > 1:
        raise refusal("bad_form", answers[0], about="the sites have different strata")
    return {site: came[site] for site in asked.sites if site in came}, later


def _later(text: str, later: Later, asked: Request, path: Path) -> None:
    """Whose it says to be: gathered() verifies those of each round that it comes to, as each site does."""
    sums = envelope.unverified(text.encode(), messages.Sums, where=path)
    if (sums.request, sums.query) != (envelope.digest(asked), asked.query):
        raise refusal("other_request", path)
    if sums.site not in asked.sites or sums.number < 2:
        raise refusal("wrong_site" if sums.number >= 2 else "bad_form", path)
    of = later.setdefault(sums.number, {})
    if sums.site in of:
        raise refusal("given_twice", path, about=f"{sums.site}, round {sums.number}")
    of[sums.site] = text


def _opened(path: Path, whose: Mapping[str, Pair], key: Secret) -> Answer | str:
    """Signed by the site that it says it is of, and by that site's steward; of a later round its text."""
    plain = box.unseal(content(path), by=key, where=path)
    if envelope.kind(plain, path) == SUMS:
        return plain.decode()
    named = [whose[hint] for hint in envelope.signers(plain, path) if hint in whose]
    if not named:
        raise refusal("bad_signature", path)
    name, keys = named[0]
    found = envelope.opened(plain, ANSWER, Answer, keys=keys, where=path)
    if found.site != name:
        raise refusal("wrong_site", path)
    return found


def _fits(found: Answer, asked: Request, path: Path) -> None:
    """As many parts as were asked, each with what its statistic needs and nothing beside."""
    form.answer(found, path)
    if len(found.parts) != len(asked.asks) or not all(found.parts):
        raise refusal("bad_form", path)
    if bool(found.sums) != any(map(in_rounds, asked.asks)):
        raise refusal("bad_form", path)
    for ask, parts in zip(asked.asks, found.parts, strict=True):
        for part in parts:
            _part(ask, part, asked, path)


def _part(ask: Ask, part: Part, asked: Request, path: Path) -> None:
    leaves = STATISTICS[ask.statistic].leaves
    given = [
        name for name in ("count", "ranks", "moments", "events", "masked") if getattr(part, name) is not None
    ]
    nothing = leaves == "rounds" or (part.suppressed and leaves != "masked")
    if given != ([] if nothing else [leaves]) or (leaves == "rounds" and part.suppressed):
        raise refusal("bad_form", path)
    if part.moments and {part.moments.treated.centre, part.moments.control.centre} != {ask.centre}:
        raise refusal("bad_form", path)
    if part.masked is not None and not fits(part.masked, asked.patients):
        raise refusal("bad_form", path)
    if rules.beyond(msgspec.to_builtins(part)):
        raise refusal("bad_form", path, about="a number larger than any site has")
    arms = [*_sizes(part)]
    if arms and rules.small_arm(arms[0], arms[1], least=asked.min_arm):
        raise refusal("too_small", path)


def _sizes(part: Part) -> Iterator[int]:
    """n of treated and of control; nothing of what was suppressed."""
    if part.count:
        yield from (part.count.treated, part.count.control)
    elif part.ranks:
        yield from (part.ranks.m, part.ranks.n)
    elif pair := part.moments or part.events:
        yield from (pair.treated.n, pair.control.n)
