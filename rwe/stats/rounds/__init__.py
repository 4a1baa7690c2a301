"""Estimates that take several rounds: sums over sites, then sums of what those gave, until there is one.

    Step.sums(a site's rows)  ──▶  + over sites  ──▶  Step.after(total)  ──▶  the next Step, or Ended

Sums alone leave a site.  The next step follows from the totals by itself, so that whoever has them all has
the same: nobody chooses where a model is looked at.
"""
