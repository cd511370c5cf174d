"""The life of a pair: its statuses and the one table of allowed transitions (drawn in docs/explanations/states.md)."""

from enum import StrEnum

from coachlm.errors import TransitionError


class Status(StrEnum):
    """Where a pair stands."""

    ACCEPTED = "accepted"  # passed intake; waits for the coach
    REVISED = "revised"  # the coach has answered (or fallen back to raw); waits for an annotator
    POST_EDITED = "post_edited"  # an annotator submitted; waits for the owner, or to pass unsampled
    RETURNED = "returned"  # the owner sent it back; waits for the same annotator
    APPROVED = "approved"  # part of the data set and of the coach's training data
    EXCLUDED = "excluded"  # excluded with a reason; exportable, restorable
    DUPLICATE = "duplicate"  # near copy of an earlier pair, or of one meaning with it, linked to it; exportable


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.ACCEPTED: frozenset({Status.REVISED, Status.EXCLUDED, Status.DUPLICATE}),
    Status.REVISED: frozenset({Status.POST_EDITED, Status.EXCLUDED}),
    # An annotator may take a fresh submit back: to `revised`, or to `returned` where it came from there.
    Status.POST_EDITED: frozenset({Status.APPROVED, Status.RETURNED, Status.REVISED, Status.EXCLUDED}),
    Status.RETURNED: frozenset({Status.POST_EDITED, Status.EXCLUDED}),
    Status.APPROVED: frozenset({Status.POST_EDITED}),  # an owner reopens it
    # Restored, an excluded pair goes through the coach again; taken back, an exclusion never was. A duplicate can be
    # promoted by hand.
    Status.EXCLUDED: frozenset({Status.ACCEPTED, Status.REVISED, Status.POST_EDITED, Status.RETURNED}),
    Status.DUPLICATE: frozenset({Status.ACCEPTED}),
}


def check_transition(pair_id: str, current: Status, wanted: Status) -> None:
    """Raises: TransitionError, naming the pair and what is allowed instead."""
    if wanted in TRANSITIONS[current]:
        return
    allowed = ", ".join(sorted(TRANSITIONS[current])) or "nothing: it is final"
    raise TransitionError(f"pair {pair_id} is {current} and can't become {wanted}; allowed from here: {allowed}")
