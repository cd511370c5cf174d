"""What an operator should look at, derived from the overview's figures; docs/operations.md says what to do."""

from dataclasses import dataclass
from datetime import timedelta

from api.models import Overview

OLDEST_SECONDS = 24 * 3600
FALLBACK_SHARE = 0.2
LEAST_REVISIONS = 50


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong."""

    name: str
    text: str


def alerts_of(found: Overview) -> list[Alert]:
    """Of the period that the overview shows."""
    return [alert for alert in (_queue(found), _stalled(found), _fallbacks(found)) if alert is not None]


def _queue(found: Overview) -> Alert | None:
    if found.oldest_seconds is None or found.oldest_seconds < OLDEST_SECONDS:
        return None
    days = found.oldest_seconds / 86_400
    return Alert("queue_age", f"The oldest item has waited for {days:.1f} days: more annotators, or other priorities.")


def _stalled(found: Overview) -> Alert | None:
    """Pairs were taken in within the last two hours and none was revised in them."""
    recent = [one for one in found.stages if one.start > found.at - timedelta(hours=2)]
    taken = sum(one.pairs for one in recent if one.stage == "accepted")
    revised = sum(one.pairs for one in recent if one.stage == "revised")
    if not taken or revised:
        return None
    return Alert(
        "reviser_stalled",
        f"{taken:,} pairs were taken in lately and none was revised: is a worker (coachlm worker) up?",
    )


def _fallbacks(found: Overview) -> Alert | None:
    total = sum(found.outcomes.values())
    fell = sum(count for name, count in found.outcomes.items() if name.startswith("fallback"))
    if total < LEAST_REVISIONS or fell / total < FALLBACK_SHARE:
        return None
    return Alert(
        "fallbacks", f"{fell / total:.0%} of {total:,} revisions fell back to the raw pair: look at the reasons."
    )
