"""Models whose sums take several rounds: each round's follow from those of all sites in the round before.

    request   ──▶  each site: round 1 in its answer
    pool      ──▶  a Round for each site: what all sites signed, verbatim
    answer    ──▶  each site: adds up what all have signed, takes the next step itself, signs its sums there
    pool      ──▶  …, until each model has ended

The coordinator hands on and chooses nothing: where a model is looked at follows from sums that every site has
verified.  One approval, one query of the budget, and each round's masks serve once.
"""
