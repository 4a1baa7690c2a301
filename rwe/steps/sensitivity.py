"""Sensitivity: the main analysis once more for each of the variants, one thing done otherwise each time.

    store  ──▶  a scratch of it for each variant  ──▶  its comparisons  ──▶  Variant of results.json

Nothing is left in the store, and no other result knows of it.  Variants are no further tests of the
question: their P values are counted in no family.
"""

import msgspec

from rwe import results
from rwe.results import Comparison
from rwe.steps.variants import Variant, variants
from rwe.store import Store
from rwe.study import Study


def sensitivity(store: Store, plan: Study) -> list[results.Variant]:
    return [
        results.Variant(
            name=v.name,
            theme=v.theme,
            varied=v.varied,
            caution=v.caution,
            reason=v.lacking,
            rows=[] if v.lacking else [_alone(c) for c in _run(store, v)],
        )
        for v in variants(store, plan)
    ]


def _run(store: Store, variant: Variant) -> list[Comparison]:
    if variant.prepare is None:
        return variant.compare(store, variant.plan)
    with store.scratch():
        variant.prepare(store)
        return variant.compare(store, variant.plan)


def _alone(c: Comparison) -> Comparison:
    return msgspec.structs.replace(c, test=msgspec.structs.replace(c.test, p_holm=None, p_bh=None))
