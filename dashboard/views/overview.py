"""For operations: what is wrong, what flows through every stage, what waits and how long, what falls back and why."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import streamlit as st

from api.client.client import ServiceError
from api.models import Overview
from api.models.figures import StageHour
from dashboard.parts.charts import Row, Spec, show_chart
from dashboard.parts.figures import Figure, show_alerts, show_figures
from dashboard.parts.messages import show_error
from dashboard.parts.session import class_name, signed_in

_STAGES = {
    "accepted": "Accepted: parsed, filtered, not a near copy",
    "excluded": "Excluded by the preliminary filter",
    "duplicate": "Linked as near copies",
    "revised": "Answered by the coach, fallbacks to the raw pair included",
    "post_edited": "Submitted by annotators",
    "approved": "Approved by owners, or not sampled for review",
    "set_aside": "Excluded by people",
}
_LABELS = {
    "post_edited": "post-edited",
    "excluded": "excluded by filter",
    "duplicate": "near copies",
    "set_aside": "excluded by people",
}
"""What the figures and the chart call a stage, where that isn't its name."""
_COLOURS = {
    "accepted": "#3b82c4",
    "revised": "#e08a1e",
    "post_edited": "#2f9e6e",
    "approved": "#8a63c9",
    "excluded": "#c2504f",
    "duplicate": "#8a8f98",
    "set_aside": "#b3678f",
}
"""Told apart in light and dark, and by most who are colour-blind (hue and lightness differ)."""
_MAIN = ("accepted", "revised", "post_edited", "approved")
_UP_TO = "counted up to 10,000"
_RENEWED_SECONDS = 10
_HOURS_WITH_POINTS = 72
_PERIODS = {"24 hours": 24, "3 days": 72, "7 days": 168, "31 days": 744}
_HOUR = timedelta(hours=1)


def render() -> None:
    st.subheader("Operations")
    _live()


@st.fragment(run_every=timedelta(seconds=_RENEWED_SECONDS))
def _live() -> None:
    hours = _PERIODS[st.session_state.get(_PERIOD) or next(iter(_PERIODS))]
    try:
        found = signed_in().service.figures.overview(hours)
    except ServiceError as error:
        show_error(error)
        st.caption(f"Retrying every {_RENEWED_SECONDS} seconds.")
        return
    show_alerts(alert.text for alert in found.alerts)
    show_figures(_now(found), "In the last 60 minutes")
    show_figures([*_waiting(found), *_lag(found)], "Waiting now")
    if by_unit := _by_unit(found):
        show_figures(by_unit, "Free for annotators, by unit")
    _flow(found)
    _reasons(found)
    st.caption(f"As of {found.at:%H:%M:%S} UTC; renewed every {_RENEWED_SECONDS} seconds.")


def _now(found: Overview) -> list[Figure]:
    this_hour = found.at.replace(minute=0, second=0, microsecond=0)
    revised = [one for one in found.stages if one.stage == "revised" and one.start >= this_hour - _HOUR]
    speed = next((one.tokens_per_second for one in revised if one.tokens_per_second is not None), None)
    about = "Output tokens of the latest revisions, by hour, ÷ the engine's own seconds for them"
    return [
        *(_per_minute(stage, last_hour(found.stages, stage, found.at)) for stage in _MAIN),
        Figure("reviser tokens / s", "–" if speed is None else f"{speed:,.0f}", about),
    ]


def last_hour(stages: Iterable[StageHour], stage: str, at: datetime) -> float:
    """Pairs of the last 60 minutes: what is counted by whole hours is spread evenly over the hour before."""
    this_hour = at.replace(minute=0, second=0, microsecond=0)
    counts = {one.start: one.pairs for one in stages if one.stage == stage}
    still = 1 - (at - this_hour) / _HOUR
    return counts.get(this_hour, 0) + counts.get(this_hour - _HOUR, 0) * still


def _per_minute(stage: str, pairs: float) -> Figure:
    about = f"{_STAGES[stage]}: this hour's pairs and the part of the last hour's that falls in 60 minutes, ÷ 60"
    return Figure(f"{_label(stage)} / min", f"{pairs / 60:,.1f}", about)


def _waiting(found: Overview) -> list[Figure]:
    depth, coach = found.depth, found.coach
    for_coach = f"Accepted pairs without a revision; {_UP_TO}. Longest: now − the time at which the first in line was "
    for_annotators = f"Free items of the queue; {_UP_TO}. Longest: now − the time at which the oldest was queued"
    sent_back = f"Returned by owners; only their annotator gets them; {_UP_TO}"
    return [
        Figure(
            "for the coach", _bounded(coach.waiting), f"{for_coach}taken in or restored", _age(coach.oldest_seconds)
        ),
        Figure("for annotators", _bounded(depth.free), for_annotators, _age(found.oldest_seconds)),
        Figure("held", _bounded(depth.leased), f"Under a lease; {_UP_TO}"),
        Figure("sent back", _bounded(depth.reserved), sent_back),
        Figure("for review", _bounded(depth.awaiting_review), f"Post-edits that owners will look at; {_UP_TO}"),
        Figure("asked of owners", _bounded(depth.sent), f"Sent to the owner by annotators; {_UP_TO}"),
    ]


def _by_unit(found: Overview) -> list[Figure]:
    free = found.depth.free_by_class
    about = f"Free items of the queue of this class, which its unit gets; {_UP_TO}"
    return [
        Figure(class_name(name) if name else "without a class", _bounded(count), about)
        for name, count in sorted(free.items())
        if count
    ]


def _lag(found: Overview) -> list[Figure]:
    """None where the service knows no broker."""
    if found.streams is None:
        return []
    about = "Last offsets − committed offsets, over the partitions that consumer group {} reads"
    when = "" if found.streams.at is None else f"; at {found.streams.at:%H:%M:%S} UTC"
    groups = found.streams.groups
    if not groups:
        said = "No answer" if found.streams.problem else "The broker hasn't answered yet"
        return [Figure("lag, messages", "–", said)]
    return [
        Figure(f"lag of {one.stage}, messages", f"{one.messages:,}", about.format(one.group) + when) for one in groups
    ]


def _flow(found: Overview) -> None:
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.markdown("**Pairs per hour through every stage**")
    right.segmented_control(
        "Period", list(_PERIODS), default=next(iter(_PERIODS)), required=True, key=_PERIOD, label_visibility="collapsed"
    )
    rows = every_hour(found.stages, found.at)
    if not rows:
        st.text("Nothing has happened in this period. Take logs in: coachlm run LOGS, or coachlm produce LOGS.")
        return
    names = [_label(stage) for stage in _COLOURS]
    show_chart(
        {
            "mark": {"type": "line", "point": len({row["hour"] for row in rows}) <= _HOURS_WITH_POINTS},
            "encoding": {
                "x": {
                    "field": "hour",
                    "type": "temporal",
                    "title": "hour (UTC)",
                    "scale": {"type": "utc"},
                    "axis": {
                        "format": {"hours": "%H:%M", "date": "%b %d", "day": "%b %d", "week": "%b %d"},
                        "tickMinStep": 3_600_000,  # milliseconds: nothing happens between two hours
                        "labelOverlap": True,
                    },
                },
                "y": {"field": "pairs", "type": "quantitative", "title": "pairs", "axis": {"tickMinStep": 1}},
                "color": {
                    "field": "stage",
                    "type": "nominal",
                    "title": None,
                    "scale": {"domain": names, "range": list(_COLOURS.values())},
                },
                "tooltip": [
                    {"field": "hour", "type": "temporal", "timeUnit": "utcyearmonthdatehours"},
                    {"field": "stage"},
                    {"field": "pairs", "format": ",d"},
                ],
            },
            "height": 260,
        },
        rows,
        "flow",
        about="Each pair counts in the hour in which it came out of the stage.",
    )


def every_hour(stages: Iterable[StageHour], until: datetime) -> list[Row]:
    """With zeros where nothing happened: a line between two busy hours would tell of pairs that weren't there."""
    counts = {(one.stage, one.start): one.pairs for one in stages}
    if not counts:
        return []
    first = min(start for _, start in counts)
    hours = [first + number * _HOUR for number in range((until - first) // _HOUR + 1)]
    names = [stage for stage in _STAGES if any(stage == one for one, _ in counts)]
    return [
        {"hour": hour, "stage": _label(stage), "pairs": counts.get((stage, hour), 0)}
        for stage in names
        for hour in hours
    ]


def _reasons(found: Overview) -> None:
    parts = (
        ("Excluded, by reason", found.excluded_by_reason, "excluded", "By the filter and by people, in this period."),
        (
            "Outcomes of the coach's answers",
            found.outcomes,
            "outcomes",
            "Revisions in this period, by outcome; fallbacks keep the raw pair, with what was wrong.",
        ),
        (
            "Revised by adapter",
            found.revised_by_adapter,
            "adapters",
            "Pairs revised in this period, by the adapter that made the revision.",
        ),
    )
    for column, (title, counts, name, about) in zip(st.columns(3), parts, strict=True):
        with column:
            st.markdown(f"**{title}**")
            if not counts:
                st.text("None in this period.")
                continue
            rows = [{"reason": _readable(key), "pairs": count} for key, count in counts.items()]
            show_chart(_BARS, rows, name, about=about)


def _readable(name: str) -> str:
    """A reason or outcome in words; of an adapter's digest the beginning, as on its page."""
    if len(name) == _DIGEST_CHARS and all(char in "0123456789abcdef" for char in name):
        return f"adapter {name[:12]}"
    kind, _, cause = name.partition(": ")
    words = _WORDS.get(kind, kind.replace("_", " "))
    return f"{words}: {cause.replace('_', ' ')}"[:60] if cause else words or "without an adapter"


_DIGEST_CHARS = 64
_WORDS = {
    "fallback_invalid": "raw: unusable answer",
    "fallback_guard": "raw: refused by a guard",
    "fallback_error": "raw: the coach failed",
    "leak_guard": "raw: the coach learned from it",
    "unchanged": "left as it was",
    "manual": "another reason",
}


_BARS: Spec = {
    "mark": {"type": "bar", "color": _COLOURS["accepted"]},
    "encoding": {
        "x": {"field": "pairs", "type": "quantitative", "axis": {"tickMinStep": 1}},
        "y": {"field": "reason", "type": "nominal", "sort": "-x", "title": None},
        "tooltip": [{"field": "reason"}, {"field": "pairs"}],
    },
    "height": {"step": 26},
}


def _label(stage: str) -> str:
    return _LABELS.get(stage, stage)


def _bounded(count: int) -> str:
    return f"{count:,}" if count < 10_000 else "10,000+"


def _age(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"longest: {seconds / size:.{int(seconds < 10 * size)}f} {unit}"
    return f"longest: {seconds:.0f} s"


_PERIOD = "overview_period"
