"""Who is sampled, for the control arm and for review: by hash, so that every process and every retry agrees."""

# See docs/decisions/0107-draw-the-arm-once.md

from collections.abc import Sequence

import xxhash
from sqlalchemy import Connection, func, select

from coachlm.desk.efficiency import Arm
from coachlm.desk.post_edit import Decision
from coachlm.desk.work import Person, ReviewReason, Seniority
from storage.desk.rules import DeskRules
from storage.pairs.edits import is_reopened
from storage.tables.desk import PostEditRow, ReviewRow

_RECORD = 50  # reviews that a person's record is made of
_GOOD_RECORD = 1  # returns among them, at most


def arm_of(pair_id: str, salt: str, rules: DeskRules) -> Arm:
    return Arm.CONTROL if _fraction("arm", salt, pair_id) < rules.control_share else Arm.COACH


def review_reason(
    connection: Connection,
    person: Person,
    rules: DeskRules,
    *,
    salt: str,
    text: str,
    is_again: bool,
    flags: Sequence[object],
) -> ReviewReason:
    """`text` names the post-edit, the same for every try; `is_again`: the owner has sent an earlier one back."""
    if is_again:
        return ReviewReason.RETURNED
    if person.seniority is Seniority.NEWCOMER and _submits(connection, person, rules) < rules.newcomer_reviews:
        return ReviewReason.NEWCOMER
    draw = _fraction("review", salt, text)
    if flags and draw < max(rules.review_flagged_share, rules.review_share):
        return ReviewReason.FLAGGED
    if draw >= rules.review_share:
        return ReviewReason.NOT_SAMPLED
    if draw >= rules.review_trusted_share and _has_good_record(connection, person):
        return ReviewReason.NOT_SAMPLED
    return ReviewReason.SAMPLED


def _fraction(purpose: str, salt: str, name: str) -> float:
    """From 0 up to 1, evenly spread over names."""
    return xxhash.xxh3_64_intdigest(f"{purpose}:{salt}:{name}".encode("utf-8", "surrogatepass")) / 2**64


def _submits(connection: Connection, person: Person, rules: DeskRules) -> int:
    some = select(PostEditRow.id).where(PostEditRow.person == person.id).limit(rules.newcomer_reviews).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0


def _has_good_record(connection: Connection, person: Person) -> bool:
    standing = (ReviewRow.annotator == person.id, ~is_reopened())
    latest = select(ReviewRow.decision).where(*standing).order_by(ReviewRow.id.desc())
    decisions = connection.scalars(latest.limit(_RECORD)).all()
    return len(decisions) == _RECORD and decisions.count(Decision.RETURN.value) <= _GOOD_RECORD
