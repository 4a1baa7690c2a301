"""Numbers as a reader sees them: the only place of the output where anything is rounded.

A number that does not exist is an en dash, never 0; minus is U+2212, so that it lines up with digits.
"""

from collections.abc import Iterable

from rwe.results import Arm, BaselineArm, EstimateResult, Limit

NONE = "–"
WORDS = {"Inf": "∞", "-Inf": "−∞"}


def fixed(value: Limit, digits: int, *, scale: float = 1.0) -> str:
    if value is None:
        return NONE
    if isinstance(value, str):
        return WORDS[value]
    text = f"{value * scale:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def p_value(p: float | None) -> str:
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_phrase(p: float | None) -> str:
    """`P = 0.123`, `P < 0.001`, `P –`."""
    text = p_value(p)
    return f"P = {text}" if text[0].isdigit() else f"P {text}"


def share(count: int | None, n: int) -> str:
    """`3/52 (5.8 %)`; without a denominator there is no percentage."""
    if count is None:
        return NONE
    return f"{count}/{n} ({100 * count / n:.1f} %)" if n else f"{count}/{n}"


def level(value: float) -> str:
    return f"{round(100 * value, 1):g} %"


def interval(estimate: EstimateResult, digits: int, *, scale: float = 1.0) -> str:
    """`0.61 [0.15, 0.95]`, with the level where it is not 95 %."""
    value = fixed(estimate.value, digits, scale=scale)
    if estimate.value is None:
        return value
    if estimate.ci_low is None and estimate.ci_high is None:
        return f"{value} (no interval)"
    limits = (fixed(end, digits, scale=scale) for end in (estimate.ci_low, estimate.ci_high))
    return f"{value} [{', '.join(limits)}]{_achieved(estimate.level)}"


def _achieved(value: float | None) -> str:
    if value is None:
        return " (level unknown)"
    return "" if level(value) == level(0.95) else f" ({level(value)} CI)"


def quartiles(arm: Arm | BaselineArm, digits: int) -> str:
    """`1.50 [1.25, 1.75]`; a quartile that is a limit of measurement is `<0.22`."""
    if arm.median is None:
        return NONE
    bounds = arm.bounds if isinstance(arm, Arm) else {}
    median, q1, q3 = (
        bounds.get(name, "") + fixed(value, digits)
        for name, value in (("median", arm.median), ("q1", arm.q1), ("q3", arm.q3))
    )
    return f"{median} [{q1}, {q3}]"


def mean_sd(mean: float | None, sd: float | None, digits: int) -> str:
    return "" if mean is None else f"mean {fixed(mean, digits)} (SD {fixed(sd, digits)})"


def digits_for(values: Iterable[float | None]) -> int:
    """Decimals for a variable that declares none: about three figures of the largest value."""
    largest = max((abs(v) for v in values if v is not None), default=0.0)
    return 0 if largest >= 1000 else 1 if largest >= 10 else 2
