"""What an operator should look at, derived from the overview's figures; docs/how-to/operate.md says what to do."""

from api.models.figures import Alert, GroupLag, Overview
from coachlm.revision import NOT_ACCEPTED

OLDEST_SECONDS = 24 * 3600
FALLBACK_SHARE = 0.2
LEAST_REVISIONS = 50
STALLED_SECONDS = 15 * 60
LAG_MESSAGES = 10_000  # as deploy/prometheus/alerts.yml


def alerts_of(found: Overview) -> tuple[Alert, ...]:
    """Of the period that the overview shows."""
    groups = () if found.streams is None else found.streams.groups
    alerts = (_queue(found), _stalled(found), _fallbacks(found), _broker(found), *map(_lag, groups))
    return tuple(alert for alert in alerts if alert is not None)


def _queue(found: Overview) -> Alert | None:
    if found.oldest_seconds is None or found.oldest_seconds < OLDEST_SECONDS:
        return None
    days = found.oldest_seconds / 86_400
    return Alert(
        name="queue_age", text=f"The oldest item has waited for {days:.1f} days: add annotators or change priorities."
    )


def _stalled(found: Overview) -> Alert | None:
    """Pairs wait and nothing has been revised: since the first in line came, where nothing ever was."""
    coach = found.coach
    if not coach.waiting or coach.oldest_seconds is None:
        return None
    still = coach.oldest_seconds if coach.idle_seconds is None else min(coach.oldest_seconds, coach.idle_seconds)
    if still < STALLED_SECONDS:
        return None
    waiting = "a pair waits" if coach.waiting == 1 else f"{coach.waiting:,} pairs wait"
    return Alert(
        name="reviser_stalled",
        text=f"{waiting} for the coach and none was revised for {_time(still)}: is a worker "
        "(coachlm worker, coachlm stream) running?",
    )


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds < 2 * 3600 else f"{seconds / 3600:.0f} hours"


def _fallbacks(found: Overview) -> Alert | None:
    total = sum(found.outcomes.values())
    fell = sum(count for name, count in found.outcomes.items() if name.startswith("fallback") and not _chosen(name))
    if total < LEAST_REVISIONS or fell / total < FALLBACK_SHARE:
        return None
    text = f"{fell / total:.0%} of {total:,} revisions fell back to the raw pair: look at the reasons."
    return Alert(name="fallbacks", text=text)


def _chosen(outcome: str) -> bool:
    """Whether the raw pair was kept because no candidate was better: that is nothing to alarm about."""
    return outcome.endswith(f": {NOT_ACCEPTED}")


def _broker(found: Overview) -> Alert | None:
    if found.streams is None or not found.streams.problem:
        return None
    return Alert(name="broker", text=f"The broker gives no lag: {found.streams.problem}")


def _lag(group: GroupLag) -> Alert | None:
    if group.messages < LAG_MESSAGES:
        return None
    text = (
        f"{group.messages:,} messages wait for the {group.stage} workers: is one running "
        f"(coachlm stream {group.stage}), are more needed?"
    )
    return Alert(name=f"lag_{group.stage}", text=text)
