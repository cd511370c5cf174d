"""For operations: what flows through every stage, what waits and how long, what falls back and why, what is wrong."""

from datetime import datetime, timedelta

import altair as alt
import pandas as pd
import streamlit as st

from api.client import ServiceError
from api.models import Overview
from dashboard.charts import defused, show_chart
from dashboard.messages import show_error
from dashboard.session import signed_in

_STAGES = {
    "accepted": "Taken in: parsed, filtered, not a copy",
    "excluded": "Set aside by the preliminary filter",
    "duplicate": "Linked as near copies",
    "revised": "Answered by the coach, fallbacks to the raw pair included",
    "post_edited": "Submitted by annotators",
    "approved": "Approved by owners, or not sampled for review",
    "set_aside": "Set aside by people",
}
_COLOURS = {
    "accepted": "#3b82c4", "revised": "#e08a1e", "post_edited": "#2f9e6e", "approved": "#8a63c9",
    "excluded": "#c2504f", "duplicate": "#8a8f98", "set_aside": "#b3678f",
}  # fmt: skip
"""Told apart in light and dark, and by most who are colour-blind (hue and lightness differ)."""
_MAIN = ("accepted", "revised", "post_edited", "approved")
_UP_TO = "counted up to 10,000"
_A_ROW = 5
_RENEWED_SECONDS = 10
_HOURS_WITH_POINTS = 72
_PERIODS = {"24 hours": 24, "3 days": 72, "7 days": 168, "31 days": 744}


def render() -> None:
    left, right = st.columns([4, 1])
    left.subheader("Operations")
    hours = _PERIODS[right.selectbox("Period", list(_PERIODS), label_visibility="collapsed")]
    _live(hours)


@st.fragment(run_every=timedelta(seconds=_RENEWED_SECONDS))
def _live(hours: int) -> None:
    try:
        found = signed_in().service.overview(hours)
    except ServiceError as error:
        show_error(error)
        return
    _alerts(found)
    _now(found)
    _waiting(found)
    _flow(found)
    _reasons(found)
    st.caption(f"As of {found.at:%H:%M:%S} UTC; renewed every {_RENEWED_SECONDS} seconds.")


def _alerts(found: Overview) -> None:
    for alert in found.alerts:
        st.error(alert.text, icon=":material/warning:")


def _now(found: Overview) -> None:
    current = {one.stage: one for one in reversed(found.stages) if one.start == _newest(found)}
    columns = st.columns(len(_MAIN) + 1)
    for column, stage in zip(columns, _MAIN, strict=False):
        per_minute = current[stage].per_minute if stage in current else 0.0
        about = f"{_STAGES[stage]}: pairs of the current hour ÷ its minutes that have passed"
        column.metric(f"{_words(stage)} / min", f"{per_minute:,.1f}", help=about)
    revised = current.get("revised")
    speed = revised.tokens_per_second if revised else None
    about = "Output tokens of the current hour's revisions ÷ the engine's own seconds for them"
    columns[-1].metric("reviser tokens / s", "–" if speed is None else f"{speed:,.0f}", help=about)


def _waiting(found: Overview) -> None:
    depth, coach = found.depth, found.coach
    shown = [
        ("waits for the coach", _bounded(coach.waiting), f"Accepted pairs without a revision; {_UP_TO}"),
        ("longest for the coach", _age(coach.oldest_seconds),
         "Now − the time at which the first pair in line was taken in or restored"),
        ("waits for annotators", _bounded(depth.free), f"Free items of the queue; {_UP_TO}"),
        ("longest for annotators", _age(found.oldest_seconds), "Now − the time at which the oldest item was queued"),
        ("in hands", _bounded(depth.leased), f"Under a lease; {_UP_TO}"),
        ("sent back", _bounded(depth.reserved), f"Returned by owners; only their annotator gets them; {_UP_TO}"),
        ("waits for review", _bounded(depth.awaiting_review), f"Post-edits that owners will look at; {_UP_TO}"),
        ("asked of owners", _bounded(depth.sent), f"Sent to the owner by annotators; {_UP_TO}"),
        *_lag(found),
    ]  # fmt: skip
    for start in range(0, len(shown), _A_ROW):
        for column, (name, value, about) in zip(st.columns(_A_ROW), shown[start : start + _A_ROW], strict=False):
            column.metric(name, value, help=about)


def _lag(found: Overview) -> list[tuple[str, str, str]]:
    """None where the service knows no broker."""
    if found.streams is None:
        return []
    about = "Last offsets − committed offsets, over the partitions that consumer group {} reads"
    when = "" if found.streams.at is None else f"; at {found.streams.at:%H:%M:%S} UTC"
    groups = found.streams.groups
    if not groups:
        return [("lag", "–", "The broker hasn't answered yet" if not found.streams.problem else "No answer")]
    return [(f"lag of {one.stage}", f"{one.messages:,}", about.format(_code(one.group)) + when) for one in groups]


def _flow(found: Overview) -> None:
    rows = [{"hour": one.start, "stage": _words(one.stage), "pairs": one.pairs} for one in found.stages]
    st.markdown("**Pairs per hour through every stage**")
    if not rows:
        st.text("Nothing has happened in this period. Take logs in: coachlm run LOGS, or coachlm produce LOGS.")
        return
    table = every_hour(pd.DataFrame(rows), found.at)
    chart = (
        alt.Chart(table)
        .mark_line(point=len(set(table["hour"])) <= _HOURS_WITH_POINTS)
        .encode(
            x=alt.X("hour:T", title="hour (UTC)"),
            y=alt.Y("pairs:Q", title="pairs"),
            color=alt.Color(
                "stage:N",
                scale=alt.Scale(domain=[_words(stage) for stage in _COLOURS], range=list(_COLOURS.values())),
                title=None,
            ),
            tooltip=["hour:T", "stage:N", "pairs:Q"],
        )
        .properties(height=260)
    )
    show_chart(chart, table, "flow", about="Each pair counts in the hour in which it came out of the stage.")


def every_hour(table: pd.DataFrame, until: datetime) -> pd.DataFrame:
    """With zeros where nothing happened: a line between two busy hours would tell of pairs that weren't there."""
    hours = pd.date_range(table["hour"].min(), pd.Timestamp(until).floor("h"), freq="h", name="hour")
    wide = table.pivot_table(index="hour", columns="stage", values="pairs", aggfunc="sum").reindex(hours)
    return wide.fillna(0).astype(int).reset_index().melt(id_vars="hour", value_name="pairs")


def _reasons(found: Overview) -> None:
    parts = (
        ("Set aside, by reason", found.excluded_by_reason, "excluded", "By the filter and by people, in this period."),
        ("What the coach's answers came to", found.outcomes, "outcomes", "Revisions in this period, by outcome; "
         "fallbacks keep the raw pair, with what was wrong."),
        ("Revised by adapter", found.revised_by_adapter, "adapters", "Pairs revised in this period, by the adapter "
         "that made the revision."),
    )  # fmt: skip
    for column, (title, counts, name, about) in zip(st.columns(3), parts, strict=True):
        with column:
            st.markdown(f"**{title}**")
            if not counts:
                st.text("None in this period.")
                continue
            reasons = [key[:40] or "none" for key in counts]
            table = defused(pd.DataFrame({"reason": reasons, "pairs": list(counts.values())}))
            bars = (
                alt.Chart(table)
                .mark_bar(color=_COLOURS["accepted"])
                .encode(x="pairs:Q", y=alt.Y("reason:N", sort="-x", title=None), tooltip=["reason", "pairs"])
                .properties(height=alt.Step(26))
            )
            show_chart(bars, table, name, about=about)


def _words(stage: str) -> str:
    return stage.replace("_", " ")


def _newest(found: Overview) -> object:
    return max((one.start for one in found.stages), default=None)


def _code(name: str) -> str:
    """For a tooltip, which is read as Markdown."""
    return f"`{name.replace('`', '')}`"


def _bounded(count: int) -> str:
    return f"{count:,}" if count < 10_000 else "10,000+"


def _age(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
