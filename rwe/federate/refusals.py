"""Why a request, an approval or an answer is refused: a stable code, what it means, what to do about it.

The codes stand in the ledger of federated requests; nothing but a code is ever told of a refusal.
"""

from rwe.errors import RefusedError

REFUSALS = {
    "too_large": ("is larger than any of ours", "ask for it again"),
    "not_signed": ("is no signed file of rwe", "was the right file named?"),
    "wrong_kind": ("is signed as another kind of file", "was the right file named?"),
    "bad_signature": (
        "was changed, or is not signed by the keys in federate/members.toml",
        "ask its sender for it again, and compare fingerprints by telephone",
    ),
    "not_canonical": ("is signed, but not written as rwe writes", "ask its sender for it again"),
    "bad_form": ("has fields, texts or values that no file of rwe has", "compare the versions of rwe"),
    "not_for_us": ("is sealed to another key", "was it made for the one who opens it here?"),
    "not_addressed": ("does not ask this site", "the coordinator has to name the site in the request"),
    "not_yet": ("is dated in the future", "is the clock right, here and at the coordinator?"),
    "expired": (
        "has expired",
        "ask the coordinator for a new one; or is the clock of this computer ahead?",
    ),
    "too_long_valid": ("is valid for longer than 90 days", "ask the coordinator for a shorter one"),
    "other_plan": ("is of another plan", "both sides need the same study.toml, codes/ and version of rwe"),
    "unknown_statistic": (
        "asks for a statistic that is not on the list",
        "see `rwe federate request --help`",
    ),
    "never_leaves": ("asks for what never leaves a site", "no minimum, maximum, quantile or row does"),
    "not_in_study": ("asks for what the study does not name", "endpoints and covariates of study.toml alone"),
    "asked_twice": ("asks the same twice", "ask the coordinator for a new one"),
    "round_missed": ("asks for a later round than is next here", "answer the rounds before it first"),
    "rounds_lost": ("has not what all sites had in the rounds before", "the coordinator has to ask anew"),
    "other_round": ("joins sums that answer different files", "the coordinator has to ask anew"),
    "no_sums": (
        "has sums that no patients have",
        "a site sent what is none; the coordinator has to ask anew",
    ),
    "masks_left": ("has sums whose masks do not cancel", "the coordinator has to ask anew"),
    "data_changed": (
        "goes on with a request, but the data are not those that it was answered from",
        "the coordinator has to ask anew",
    ),
    "nothing_left": ("asks for sums of models that have all ended", "was the right file named?"),
    "answered_before": ("was answered before", "ask the coordinator for a new one"),
    "over_budget": ("is one more than this site answers", "see federate/policy.toml"),
    "name_taken": (
        "has the name of another request, which is kept here",
        "ask the coordinator for a new one",
    ),
    "differs_by_few": (
        "would tell of a few patients, beside what was answered before",
        "nothing more of them is answered until their arm has the patients of before, or 5 more or fewer",
    ),
    "not_approved": ("is not approved by this site's data steward", "run `rwe federate approve` first"),
    "not_shown": (
        "is not the request of this SHA-256",
        "look at it with `rwe federate show`: it is not what was looked at before",
    ),
    "clock_set_back": (
        "comes before the last line of the ledger",
        "is the clock of this computer right?  if it was ahead, wait until the time of that line",
    ),
    "ledger_lost": (
        "has lost lines, or is not the ledger that data/audit.ndjson knows",
        "put federate/ledger.ndjson back",
    ),
    "wrong_key": ("needs the key of somebody else", "is the key in federate/ the one in members.toml?"),
    "wrong_site": ("is of another site than its key", "ask the site for it again"),
    "other_request": ("answers another request", "was the right file named?"),
    "given_twice": ("is the second of its site", "leave one of them out"),
    "too_few_sites": ("names fewer than 3 sites for a secure sum", "ask more sites"),
    "not_pinned": (
        "names a site that is not in federate/members.toml",
        "all who take part need the same one",
    ),
    "no_secure_sum": (
        "asks for a secure sum without saying so",
        "the coordinator asks with `--secure-sum PATIENTS`",
    ),
    "no_agreement": (
        "asks for a secure sum, which shows the coordinator the values of all sites together",
        "request and site (federate/policy.toml) have to name the same agreement",
    ),
    "stricter_here": (
        "wants a smaller arm of a secure sum than this site allows",
        "the coordinator has to ask with the --min-arm of federate/policy.toml",
    ),
    "other_sites": (
        "asks for a sum over other sites than one before, whatever of: the difference would be a site's own",
        "the coordinator has to name the same sites for all sums",
    ),
    "mixed": (
        "asks for a variable both by plain numbers and by a secure sum: the difference would be a site's own",
        "ask for secure sums and models first: what was told plainly here is never summed",
    ),
    "too_many": ("has room for fewer patients than there are here", "ask with a larger --secure-sum"),
    "too_small": ("tells of fewer patients than may leave a site", "ask the site for it again"),
    "failed": ("could not be computed here", "run `rwe compare`: it says what is wrong, here alone"),
}


def refusal(code: str, where: object, *, about: str = "") -> RefusedError:
    """about: which part, in words of ours."""
    what, todo = REFUSALS[code]
    return RefusedError(f"{where}: {what}{f' ({about})' if about else ''} [{code}]", code=code, hint=todo)
