"""Texts of what others have signed, looked at before they are printed or become a file's name.

A name, a time or one line of printable characters: nothing that writes over a terminal or begins a line.
"""

import re

from pydantic import TypeAdapter, ValidationError

from rwe.federate.messages import Answer, Request
from rwe.federate.refusals import refusal
from rwe.study import Name

NAME = TypeAdapter(Name)
NONCE = re.compile("[0-9a-f]{32}")
TIME = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z")
LONGEST = 200


def request(found: Request, where: object) -> None:
    texts = [found.agreement, found.software, *found.plan]
    texts += [text for ask in found.asks for text in (ask.statistic, ask.variable, ask.visit or "")]
    sound = (
        NONCE.fullmatch(found.query)
        and all(map(is_name, (found.study, *found.sites)))
        and all(map(TIME.fullmatch, (found.created, found.not_after)))
        and all(map(is_line, texts))
    )
    if not sound:
        raise refusal("bad_form", where)


def answer(found: Answer, where: object) -> None:
    strata = {part.stratum for parts in found.parts for part in parts}
    lines = (found.software, found.data_as_of or "")
    if not (TIME.fullmatch(found.created) and all(map(is_name, strata)) and all(map(is_line, lines))):
        raise refusal("bad_form", where)


def is_name(text: str) -> bool:
    try:
        NAME.validate_python(text)
    except ValidationError:
        return False
    return True


def is_line(text: str) -> bool:
    return text.isprintable() and len(text) <= LONGEST
