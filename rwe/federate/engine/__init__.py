"""Engine mode: NVFlare carries a request to the sites and their sealed answers back; it decides nothing.

    coordinator   provision ──▶  a kit for itself and for each site: certificates and an address
    each          serve     ──▶  connected, sites outwards only; what may run there is policy.py's
    coordinator   carry     ──▶  request out, answers in; `pool` as after a file drop

Trust rests on our signatures, approvals and rules, as with files.  The only package that knows `nvflare`,
which is an extra: `rwe[federated]`.
"""

from importlib.util import find_spec

from rwe.errors import UsageError


def require() -> None:
    """Before any other module of this package is imported."""
    if find_spec("nvflare") is None:
        raise UsageError(
            "this needs NVFlare, which is not installed",
            hint="run: pip install 'rwe[federated]'; or send the files by hand, which needs nothing",
        )
