"""Adapters: which one revises, what the gate measured, promotion and the way back."""

from typing import Any

import streamlit as st

from api.client.client import LateError, NotOfferedError, RefusedInputError, StaleError
from api.models import Adapter, Adapters
from api.models.people import PersonRole
from coachlm.coaching.adapters import AdapterState
from dashboard.parts.charts import Row, Spec, show_chart
from dashboard.parts.figures import show_facts
from dashboard.parts.session import Session, signed_in
from dashboard.parts.tables import Column, show_table

_MAY_CHANGE = frozenset({PersonRole.OPERATOR, PersonRole.ADMIN})
_FORMULAS = {
    "words_left": "Words that people touch from the coach's output to their final text, a moved stretch counted once",
    "words_left_raw": "The same, against the raw pairs instead of what the base makes of them",
    "edit_distance_left": "Characters that people change from the coach's output to their final text, mean over pairs",
    "nll": "Nats per token of people's final texts under the model; smaller: the model finds them more likely",
    "invalid_share": "Share of held-out pairs with an invalid output or an engine error",
    "guarded_share": "Outputs that a guard refused (dropped constraint, broken code, language), of all held-out pairs",
    "flagged_share": "Revisions with facts that the people's text doesn't have either, of all held-out pairs",
    "over_expanded_share": "Long answers to trivial requests where people wrote less than half, of all held-out pairs",
}
_NUMBER = "{:,.4f}"
_COLUMNS = {
    "figure": Column(),
    "reference": Column(_NUMBER, "The adapter in force, or the raw pairs without one"),
    "candidate": Column(_NUMBER, "Of this adapter, on the same held-out pairs"),
    "low": Column(_NUMBER, "Lower end of the interval of candidate − reference, over pairs"),
    "high": Column(_NUMBER, "Upper end of that interval"),
    "margin": Column(_NUMBER, "How much worse a figure may be at the most: the whole interval has to lie below"),
    "holds": Column(about="Whether the interval lies below the margin"),
    "meaning": Column(),
}


def render() -> None:
    session = signed_in()
    try:
        found = session.service.adapters.all()
    except NotOfferedError as error:
        st.subheader("No adapter registry")
        st.text(str(error))
        return
    st.subheader("Adapters")
    if not found.adapters:
        st.text("No adapter is registered. To make one from approved pairs, see docs/how-to/refresh-the-coach.md.")
        return
    _in_force(found)
    digests = [each.digest for each in found.adapters]
    chosen = st.selectbox("Adapter", digests, format_func=lambda digest: _label(_by(found, digest)))
    adapter = _by(found, chosen)
    _facts(adapter)
    _gate(adapter)
    if session.me.role in _MAY_CHANGE:
        _change(session, adapter)
    _events(session, adapter)


def _in_force(found: Adapters) -> None:
    if found.current is None and found.canary is None:
        st.text("No adapter is in force: pairs are revised without one.")
        return
    for digest, what in ((found.current, "current"), (found.canary, "canary")):
        if digest is not None:
            adapter = _by(found, digest)
            share = f", {adapter.canary_share:.0%} of pairs" if adapter.canary_share else ""
            since = f" since {adapter.changed_at:%Y-%m-%d %H:%M} UTC" if adapter.changed_at else ""
            st.markdown(f"**{what}:** `{digest[:12]}`{share}{since}")


def _label(adapter: Adapter) -> str:
    return f"{adapter.digest[:12]} · {adapter.state}"


def _by(found: Adapters, digest: str) -> Adapter:
    return next(each for each in found.adapters if each.digest == digest)


def _facts(adapter: Adapter) -> None:
    training = adapter.training
    selection = training.get("selection") if isinstance(training.get("selection"), dict) else {}
    examples, seconds = training.get("examples"), training.get("seconds")
    facts = {
        "base": adapter.base,
        "α, human input ratio": (selection or {}).get("alpha"),
        "trained on": None if examples is None else f"{examples} pairs",
        "training took": None if seconds is None else f"{seconds} s",
        "digest": adapter.digest,
    }
    show_facts({name: str(value) for name, value in facts.items() if value is not None})


def _gate(adapter: Adapter) -> None:
    gate = adapter.gate
    if gate is None:
        st.text("The gate hasn't judged it: coachlm adapters gate " + adapter.digest[:12])
        return
    verdict = "passed" if gate.get("passed") else "refused"
    st.text(f"The gate {verdict} it: {gate.get('reason', '')}")
    figures = [figure for figure in gate.get("figures") or () if isinstance(figure, dict)]
    if not figures:
        return
    against = str(gate.get("against", "raw"))
    rival = "the raw pairs" if against == "raw" else f"adapter {against[:12]}"
    st.caption(f"On {gate.get('pairs', 0):,} held-out approved pairs, compared with {rival}")
    rows, name = [_row(figure) for figure in figures], f"gate-{adapter.digest[:12]}"
    show_table(rows, _COLUMNS, name, label="What the gate measured")
    show_chart(
        _DIFFERENCES,
        [_difference(row) for row in rows],
        f"{name}-differences",
        about="(candidate − reference) ÷ reference of each figure, with its interval: left of 0 is better.",
    )


def _row(figure: dict[str, Any]) -> Row:
    name, holds = str(figure.get("name", "")), figure.get("holds")
    numbers = {column: _number(figure.get(column)) for column in ("reference", "candidate", "low", "high", "margin")}
    said = None if holds is None else "yes" if holds else "no"
    return {"figure": name.replace("_", " "), **numbers, "holds": said, "meaning": _FORMULAS.get(name, "")}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _difference(row: Row) -> Row:
    """In units of its own reference, so that all fit one scale."""
    scale = max(abs(row["reference"] or 0.0), 0.01)
    difference = None if None in (row["candidate"], row["reference"]) else row["candidate"] - row["reference"]
    found = {"low": row["low"], "high": row["high"], "difference": difference}
    return {
        "figure": row["figure"],
        **{name: None if value is None else value / scale for name, value in found.items()},
    }


_SHARE = {
    "type": "quantitative",
    "title": "candidate − reference, as a share of the reference (left of 0: better)",
    "axis": {"format": "%"},
}
_DIFFERENCES: Spec = {
    "encoding": {"y": {"field": "figure", "type": "nominal", "title": None}},
    "layer": [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "color": "#8a8f98"},
            "encoding": {"x": {"field": "low", **_SHARE}, "x2": {"field": "high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "color": "#3b82c4", "opacity": 1},
            "encoding": {"x": {"field": "difference", **_SHARE}},
        },
    ],
    "height": {"step": 26},
}


def _change(session: Session, adapter: Adapter) -> None:
    promotable = adapter.state in (AdapterState.GATED, AdapterState.CANARY, AdapterState.RETIRED)
    in_force = adapter.state in (AdapterState.CURRENT, AdapterState.CANARY)
    if not (promotable or in_force):
        return
    why = st.text_input("Why (for the history)", key=f"why {adapter.digest}", max_chars=1000)
    left, right, _ = st.columns([1, 1, 4])
    try:
        if promotable and left.button("Promote", type="primary", key=f"promote {adapter.digest}", width="stretch"):
            session.service.adapters.promote(adapter.digest, why)
            _done(f"{adapter.digest[:12]} is current: engines follow within seconds.")
        if in_force and right.button("Roll back", key=f"back {adapter.digest}", width="stretch"):
            session.service.adapters.roll_back(adapter.digest, why)
            _done(f"{adapter.digest[:12]} no longer revises.")
    except (StaleError, LateError, RefusedInputError) as error:
        st.error(str(error))


def _done(message: str) -> None:
    st.toast(message)
    st.rerun()


def _events(session: Session, adapter: Adapter) -> None:
    with st.expander("History"):
        for event in session.service.adapters.events(adapter.digest):
            st.text(
                f"{event.at:%Y-%m-%d %H:%M:%S}  {event.before or '–'} → {event.after}  by {event.by}  {event.detail}"
            )
