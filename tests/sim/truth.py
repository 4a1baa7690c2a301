"""Patients of one hospital of whom the truth is known; a replicate is one hospital.

number of the replicate  ──▶  replicate()  ──▶  a row a patient, times in hours from the admission

The truth     the product adds EFFECT litres to FEV1 five weeks after the admission, to everyone alike: so
              the average effect is the same in all, in the treated and under overlap weights
Confounding   who is severe, older, has a higher CRP or a lower FEV1 at admission is treated more often,
              and has a lower FEV1 later whatever is given
Immortality   the product comes on the patient's day `offered`, 3 to 12 days after the admission: by then
              the mild are at home, some are dead, and some have worsened, of which the admission knows
              nothing.  After 40 hours no state changes, and who leaves when does not depend on what FEV1
              will be, given what was known: nothing else confounds the arms from the day of the infusion
"""

import numpy as np
from numpy.typing import NDArray

EFFECT = 0.30
PATIENTS = 150
SEED = 20200331
Arrays = dict[str, NDArray]


def replicate(number: int) -> Arrays:
    rng = np.random.default_rng([SEED, number])
    people = admitted(rng)
    people |= course(rng, people)
    people |= treatment(rng, people)
    people |= outcome(rng, people)
    return people | spelling(rng, people)


def admitted(rng: np.random.Generator) -> Arrays:
    """CRP in mg/L to a tenth, FEV1 in L to a hundredth: as they are recorded, since all rests on them."""
    age = np.clip(rng.normal(60, 11, PATIENTS), 25, 90)
    severe = rng.random(PATIENTS) < chance(-0.9 + 0.03 * (age - 60))
    crp = np.clip(np.exp(rng.normal(3.6 + 0.4 * severe, 0.6)), 1, 300)
    fev1 = np.clip(rng.normal(2.3 - 0.012 * (age - 60) - 0.15 * severe, 0.35), 0.8, 4.5)
    return {
        "age": age,
        "female": rng.random(PATIENTS) < 0.5,
        "severe_first": severe,
        "crp": np.round(crp, 1),
        "fev1": np.round(fev1, 2),
        "admitted_at": rng.integers(0, 120 * 86400, PATIENTS),  # seconds from the first day
    }


def course(rng: np.random.Generator, people: Arrays) -> Arrays:
    """At constant rates a day, so that how long a stay has lasted tells nothing of how it goes on."""
    worsens = ~people["severe_first"] & (rng.random(PATIENTS) < 0.3)
    severe = people["severe_first"] | worsens
    home = 12 + 24 * rng.exponential(np.where(severe, 20, 6))
    death = 12 + 24 * rng.exponential(np.where(severe, 120, 1200))
    return {
        "severe": severe,
        "worse_at": np.where(worsens, rng.uniform(6, 40, PATIENTS), np.nan),
        "out_at": np.where(worsens, 40, 0) + np.minimum(home, death),
        "dies": death < home,
    }


def treatment(rng: np.random.Generator, people: Arrays) -> Arrays:
    offered = rng.uniform(3 * 24, 12 * 24, PATIENTS)
    score = chance(
        -0.6
        + 0.045 * (people["age"] - 60)
        + 0.8 * people["severe"]
        + 0.012 * (people["crp"] - 45)
        - 0.8 * (people["fev1"] - 2.3)
    )
    reached = people["out_at"] > offered
    treated = reached & (rng.random(PATIENTS) < score)
    return {
        "offered": offered,
        "treated": treated,
        "declined": reached & ~treated & (rng.random(PATIENTS) < 0.3),
    }


def outcome(rng: np.random.Generator, people: Arrays) -> Arrays:
    """FEV1 in L to a hundredth, 33 to 36 days after the admission: three to five weeks after `offered`."""
    later = rng.normal(
        2.8
        - 0.015 * (people["age"] - 60)
        - 0.5 * people["severe"]
        - 0.003 * (people["crp"] - 45)
        + 0.5 * (people["fev1"] - 2.3)
        + EFFECT * people["treated"],
        0.45,
    )
    seen = rng.random(PATIENTS) < chance(2.5 - 0.02 * (people["age"] - 60))
    seen_at = rng.uniform(33 * 24, 36 * 24, PATIENTS)
    return {
        "later": np.round(later, 2),
        "seen": seen & ~(people["dies"] & (people["out_at"] < seen_at)),
        "seen_at": seen_at,
    }


def spelling(rng: np.random.Generator, people: Arrays) -> Arrays:
    """How it is written down, whoever it is of: numbers between 0 and 1 that tables.py reads."""
    names = ("clock", "crp_unit", "fev1_unit", "later_unit", "decoy", "decoy_at", "dose", "period")
    return {name: rng.random(PATIENTS) for name in names}


def chance(logit: NDArray) -> NDArray:
    return 1 / (1 + np.exp(-logit))
