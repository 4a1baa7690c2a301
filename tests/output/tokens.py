"""Numbers as they stand in a text, and as a number of results.json has to stand there.

Written anew beside rwe.output.numbers, from the JSON alone, so that one does not repeat a fault of the other.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal

NUMBER = re.compile(r"(?<![\w.])[<>]?−?(?:\d+(?:\.\d+)?|∞)(?!\w)")
SAID = re.compile(
    r"95 % (CI|limits|upper limit|confidence interval)|for a 95 % interval|method \d+|within 24 h|up to 24 h"
    r"|below 0\.05|\(86,400 s\)|continuity 0\.5|quartiles type \d|Table 1|SHA-256"
)
"""Numbers of the report's own wording and of names of methods."""


def tokens(text):
    return NUMBER.findall(SAID.sub(" ", text))


def fixed(value, digits, scale=1):
    """As a list: a number that does not exist stands nowhere."""
    if value is None:
        return []
    if isinstance(value, str):
        return [{"Inf": "∞", "-Inf": "−∞"}[value]]
    exact = Decimal(value * scale).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    return [f"{abs(exact)}" if not exact else f"{exact}".replace("-", "−")]


def p_value(p):
    return [] if p is None else ["0.001"] if p < 0.001 else fixed(p, 3)


def interval(e, digits, scale=1):
    if e["value"] is None:
        return []
    if e["ci_low"] is None and e["ci_high"] is None:
        return fixed(e["value"], digits, scale)
    limits = [t for end in ("value", "ci_low", "ci_high") for t in fixed(e[end], digits, scale)]
    level = e["level"]
    return limits + ([] if level is None or round(level * 100, 1) == 95 else [f"{round(level * 100, 1):g}"])


def quartiles(arm, digits):
    if arm["median"] is None:
        return []
    signs = arm.get("bounds") or {}
    return [signs.get(q, "") + t for q in ("median", "q1", "q3") for t in fixed(arm[q], digits)]


def share(count, n):
    return [str(count), str(n), *(fixed(100 * count / n, 1) if n else [])]


def reasons(found):
    return [str(n) for _, n in sorted(found.items()) if n]


def few_digits(values):
    largest = max((abs(v) for v in values if v is not None), default=0)
    return 0 if largest >= 1000 else 1 if largest >= 10 else 2


def grade(smd):
    """The words beside an SMD: above 0.25, above 0.1, 0.1 or below."""
    return [] if smd is None else ["0.25"] if abs(smd) > 0.25 else ["0.1"]
