"""Resources against the standard, by fhir.resources and by what it leaves out.

    problem()   one resource's bytes  ──▶  None, or the first Problem
    shapes(), suspects()              ──▶  SQL: exemplars of the rows' shapes, and rows with something odd
    pool()      many resources        ──▶  the Problem of each, in order, by processes of their own

fhir.resources reads some 6,000 resources a second, far below the mapping's speed.  So `map` asks it
about one exemplar of each shape and about suspect rows; with --strict about every row, on all cores.
"""

from rwe.validate.pool import Pool, pool
from rwe.validate.standard import Problem, problem
from rwe.validate.survey import shapes, suspects

__all__ = ["Pool", "Problem", "pool", "problem", "shapes", "suspects"]
