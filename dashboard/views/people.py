"""People and the coach: pairs per person-day, quality, learning curves, and what the coach saves by its control arm."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import streamlit as st

from api.client.client import ServiceError
from api.models import ArmFigures, Efficiency, Estimate, GroupBy, PaperAccounting, PeopleFigures, PersonFigures
from api.models.people import PersonRole
from coachlm.desk.efficiency import pairs_per_person_day, return_rate
from coachlm.pairs import TaskClass
from dashboard.parts.charts import Row, Spec, show_chart
from dashboard.parts.figures import Figure, show_figures
from dashboard.parts.messages import show_error
from dashboard.parts.session import Session, class_name, signed_in
from dashboard.parts.tables import Column, show_table

_WORK: dict[str, tuple[str, str]] = {
    "pairs / person-day": ("{:,.0f}", "Submits × 8 h ÷ active time"),
    "submitted": ("{:,d}", "Post-edits; undone submits don't count"),
    "active h": ("{:,.1f}", "From claim to submit, by heartbeats, without idle time"),
    "untouched": ("{:.1%}", "Submits without a change to the text ÷ submits"),
    "edits from raw": ("{:,.0f}", "Characters of edits from the raw pair to the submitted text, mean"),
    "edits from coach": ("{:,.0f}", "Characters of edits from the coach's text to the submitted text, mean"),
    "sent back": ("{:.1%}", "Reviews that sent the text back ÷ reviews"),
    "disagreement": ("{:.1%}", "Reviews in which the owner corrected or sent back ÷ reviews"),
    "excluded": ("{:,d}", "Pairs excluded by the person"),
    "skipped": ("{:,d}", "Items passed on to others"),
}
_PER_DAY = "8 h ÷ mean active seconds of first submits, people and weeks weighted alike in both arms"
_RATIO = (
    "exp of the mean difference of ln seconds between the arms, within person, week and class; "
    "docs/explanations/efficiency.md"
)
_PAPER = (
    "As the paper counts: gross = now with coach ÷ the 28 days before − 1; net = gross with practice (control arm "
    "now ÷ before) taken out. It says what changed, not why."
)


_PERIODS = {"7 days": 7, "28 days": 28, "91 days": 91}
_OTHER = "other…"


def render() -> None:
    session = signed_in()
    own = session.me.role is PersonRole.ANNOTATOR
    st.subheader("My figures" if own else "People and efficiency")
    first, last, unit = _chosen(session, own)
    if first is None or last is None:
        st.text("Choose the first and the last day.")
        return
    if not own:
        st.markdown("**What the coach saves**")
        _efficiency(first, last, unit)
    found = session.service.figures.mine(first, last) if own else session.service.figures.people(first, last, unit)
    _people(found, own)
    _learning(found.people)


def _chosen(session: Session, own: bool) -> tuple[date | None, date | None, TaskClass | None]:
    """The period, days of UTC, and whose work."""
    left, right = st.columns([2, 3])
    chosen = left.segmented_control("Period", [*_PERIODS, _OTHER], default="28 days", required=True)
    unit = None
    if not own and session.me.unit is None:
        names = ["every unit", *(each.value for each in TaskClass)]
        name = right.segmented_control("Unit", names, default=names[0], required=True, format_func=class_name)
        unit = None if name == names[0] else TaskClass(name)
    today = datetime.now(UTC).date()
    if chosen != _OTHER:
        return today - timedelta(days=_PERIODS[chosen or "28 days"] - 1), today, unit
    days = st.date_input("First and last day (UTC)", (today - timedelta(days=27), today), max_value=today)
    return (days[0], days[1], unit) if isinstance(days, tuple) and len(days) == 2 else (None, None, unit)


def _people(found: PeopleFigures, own: bool) -> None:
    st.markdown("**What you did**" if own else "**What people did**")
    if not found.people:
        st.text(
            "You have submitted nothing in this period." if own else "Nobody has submitted anything in this period."
        )
        return
    show_figures(_totals(found.people, own))
    show_table([_row(person) for person in found.people], _PEOPLE, "people", label="What people did")


def _totals(people: Sequence[PersonFigures], own: bool) -> list[Figure]:
    """Of all that are shown together."""
    works = [person.work for person in people]
    submitted, reviewed, returned = (
        sum(getattr(work, name) for work in works) for name in ("submitted", "reviewed", "returned")
    )
    seconds = sum(work.active_seconds for work in works)
    pace, sent_back = pairs_per_person_day(submitted, seconds), return_rate(returned, reviewed)
    shown = {
        "submitted": f"{submitted:,}",
        "active h": f"{seconds / 3600:,.1f}",
        "pairs / person-day": "–" if pace is None else f"{pace:,.0f}",
        "sent back": "–" if sent_back is None else f"{sent_back:.1%}",
    }
    if own:
        return [Figure(name, value, _WORK[name][1]) for name, value in shown.items()]
    return [
        Figure("people", f"{len(people):,}", "Who did anything in this period"),
        *(Figure(f"all: {name}", value, _WORK[name][1]) for name, value in shown.items()),
    ]


_PEOPLE = {
    "person": Column(),
    "unit": Column(about="As it is now"),
    **{name: Column(*how) for name, how in _WORK.items()},
}


def _row(person: PersonFigures) -> Row:
    work = person.work
    values = (
        work.pairs_per_person_day,
        work.submitted,
        work.active_seconds / 3600,
        work.untouched_share,
        work.mean_raw_distance,
        work.mean_revision_distance,
        work.return_rate,
        work.disagreement_rate,
        work.excluded,
        work.skipped,
    )
    return {
        "person": person.person,
        "unit": class_name(person.unit or "every class"),
        **dict(zip(_WORK, values, strict=True)),
    }


def _learning(people: Sequence[PersonFigures]) -> None:
    points = [
        {"day": each.day, "person": person.person, _PER_PERSON_DAY: each.work.pairs_per_person_day}
        for person in people
        for each in person.days
        if each.work.pairs_per_person_day is not None
    ]
    if not points:
        return
    st.markdown("**Learning curves**")
    show_chart(_CURVES, points, "learning", about="Each day's submits × 8 h ÷ that day's active time.")


_PER_PERSON_DAY = "pairs per person-day"
_CURVES: Spec = {
    "mark": {"type": "line", "point": True},
    "encoding": {
        "x": {"field": "day", "type": "temporal", "title": None, "scale": {"type": "utc"}},
        "y": {"field": _PER_PERSON_DAY, "type": "quantitative"},
        "color": {"field": "person", "type": "nominal", "title": None},
        "tooltip": [
            {"field": "day", "type": "temporal", "timeUnit": "utcyearmonthdate"},
            {"field": "person"},
            {"field": _PER_PERSON_DAY, "format": ".0f"},
        ],
    },
    "height": 260,
}


@st.fragment(parallel=True)
def _efficiency(first: date, last: date, unit: TaskClass | None) -> None:
    """By itself: the service's first estimate loads a statistics library, and nobody should wait for that to see the
    rest."""
    group = GroupBy(st.session_state.get(_GROUP) or GroupBy.UNIT)
    place = st.empty()
    place.text("Estimating…")
    try:
        found = signed_in().service.figures.efficiency(first, last, unit=unit, group=group)
    except ServiceError as error:
        place.empty()
        show_error(error)
        return
    with place.container():
        _sentence(found.whole)
        show_figures(_arms(found))
        _effects(found.whole)
        _groups(found)


def _sentence(estimate: Estimate) -> None:
    show = {"faster": st.success, "slower": st.error}.get(estimate.verdict, st.info)
    show(estimate.sentence)
    if estimate.unusable:
        named = ", ".join(f"{person} ({count})" for person, count in estimate.unusable.items())
        st.text(f"Submits left out, since their time is zero, negative or not a number: {named}")


def _arms(found: Efficiency) -> list[Figure]:
    whole, speed = found.whole, found.whole.speed
    shown = [_arm("without", whole.control), _arm("with\N{NO-BREAK SPACE}coach", whole.coach)]
    if speed is None:
        return [*shown, Figure("pairs per hour, with over without", "–", _RATIO)]
    note = f"95 % interval {speed.low - 1:+.1%} to {speed.high - 1:+.1%}, over annotators like these"
    return [
        *shown,
        Figure("pairs per hour, with over without", f"{speed.ratio - 1:+.1%}", _RATIO, note),
        _paper(found.paper),
    ]


def _arm(name: str, arm: ArmFigures) -> Figure:
    rate = "–" if arm.pairs_per_person_day is None else f"{arm.pairs_per_person_day:.0f}"
    return Figure(f"pairs / person-day {name}", rate, _PER_DAY, f"{arm.pairs:,} pairs, {arm.hours:,.1f} h")


def _paper(paper: PaperAccounting | None) -> Figure:
    shown = "–" if paper is None else f"{paper.gross:+.0%} / {paper.net:+.0%}"
    note = "No work in the 28 days before by the same people." if paper is None else paper.sentence
    return Figure("gross / net, as the paper", shown, _PAPER, note)


def _effects(estimate: Estimate) -> None:
    """Nothing is shown of a sample that is too small."""
    if estimate.people:
        show_chart(
            _EFFECTS,
            [one.model_dump() for one in estimate.people],
            "effects",
            about="Each person's own ratio with its 95 % interval from sampling pairs.",
        )


_RATIOS = {
    "type": "quantitative",
    "title": "pairs per hour, with coach over without (1: no difference)",
    "scale": {"zero": False},
}
_EFFECTS: Spec = {
    "encoding": {"y": {"field": "person", "type": "nominal", "title": None}},
    "layer": [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "color": "#8a8f98"},
            "encoding": {"x": {"field": "low", **_RATIOS}, "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "color": "#3b82c4", "opacity": 1},
            "encoding": {
                "x": {"field": "ratio", **_RATIOS},
                "tooltip": [
                    {"field": "person"},
                    *({"field": name, "format": ".3f"} for name in ("ratio", "low", "high")),
                    {"field": "pairs", "format": ",d"},
                ],
            },
        },
    ],
    "height": {"step": 24},
}


def _groups(found: Efficiency) -> None:
    with st.expander("By unit, class, adapter or month"):
        names = [each.value for each in GroupBy]
        st.segmented_control(
            "Group", names, default=GroupBy.UNIT.value, required=True, label_visibility="collapsed", key=_GROUP
        )
        if not found.groups:
            st.text("Nobody has submitted anything in this period.")
            return
        rows = [_group_row(class_name(name), one) for name, one in found.groups.items()]
        show_table(rows, _GROUPS, "groups", label="What the coach saves, by group")
        st.caption(
            "Intervals are not corrected for multiple comparisons: one in twenty groups without an effect shows one."
        )


_GROUP = "people_group"
_GROUPS = {
    "group": Column(),
    "without: pairs / person-day": Column("{:,.0f}", _PER_DAY),
    "with coach: pairs / person-day": Column("{:,.0f}", _PER_DAY),
    "pairs per hour, with over without": Column("{:+.1%}", _RATIO),
    "low": Column("{:+.1%}", "Lower end of its 95 % interval"),
    "high": Column("{:+.1%}", "Upper end of its 95 % interval"),
    "in words": Column(),
}


def _group_row(name: str, one: Estimate) -> Row:
    speed = one.speed
    ratios = (None, None, None) if speed is None else (speed.ratio - 1, speed.low - 1, speed.high - 1)
    values = (name, one.control.pairs_per_person_day, one.coach.pairs_per_person_day, *ratios, one.sentence)
    return dict(zip(_GROUPS, values, strict=True))
