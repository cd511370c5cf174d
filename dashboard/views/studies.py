"""Studies of blind ratings, for those who may know which version is which: progress, the tables, and closing."""

from collections.abc import Iterator
from typing import Any

import streamlit as st

from api.client.client import ServiceError
from api.models import Study, StudyTables
from dashboard.parts.charts import csv_of, offer_file
from dashboard.parts.messages import show_error
from dashboard.parts.session import Session, signed_in
from dashboard.parts.tables import Column, show_table

_HOW = (
    "No study yet. Make one at the command line (`coachlm evaluate ratings make --study NAME`) or over HTTP "
    "(`POST /v1/studies`); its raters find it under Ratings."
)
_AVERAGE = "Mean of the raters' means"
_GAIN = (
    "Above the first version, over the pairs that a rater scored in both versions; 95 % bootstrap interval over pairs"
)

_PROGRESS = {
    "rater": Column(),
    "rated": Column("{:,}", "Texts with a rating"),
    "of": Column("{:,}", "Texts that this rater is to rate: each pair in both versions"),
    "share": Column("{:.0%}", "Rated ÷ of"),
}


def render() -> None:
    session = signed_in()
    found = session.service.studies.all()
    st.subheader("Studies")
    if not found:
        st.markdown(_HOW)
        return
    names = [study.name for study in found]
    chosen = st.selectbox("Study", names, format_func=lambda name: _label(_by(found, name)))
    study = _by(found, chosen)
    _facts(study)
    _close(session, study)
    try:
        _tables(session, study)
    except ServiceError as error:
        show_error(error)


def _by(found: list[Study], name: str) -> Study:
    return next(study for study in found if study.name == name)


def _label(study: Study) -> str:
    rated, tasks = _counts(study)
    return f"{study.name} · {'closed' if study.closed_at else 'open'} · {rated} of {tasks} rated"


def _counts(study: Study) -> tuple[int, int]:
    return sum(each.rated for each in study.raters), sum(each.tasks for each in study.raters)


def _facts(study: Study) -> None:
    made = f"made {study.created_at:%Y-%m-%d %H:%M} UTC" + (f" by {study.owner}" if study.owner else "")
    closed = f", closed {study.closed_at:%Y-%m-%d %H:%M} UTC" if study.closed_at else ""
    st.text(f"Versions: {', '.join(study.sources)}. {study.items:,} pairs, {made}{closed}.")
    rows = [
        {"rater": each.rater, "rated": each.rated, "of": each.tasks, "share": each.rated / each.tasks}
        for each in study.raters
    ]
    show_table(rows, _PROGRESS, f"{study.name}-progress", label="How far the raters are")


def _close(session: Session, study: Study) -> None:
    if study.closed_at is not None:
        return
    left, right = st.columns([3, 1], vertical_alignment="center")
    rated, tasks = _counts(study)
    is_sure = left.checkbox(
        f"Close it for good. Texts without a rating: {tasks - rated:,}; no rating can be given or changed afterwards.",
        key=f"sure {study.name}",
    )
    if right.button("Close", disabled=not is_sure, key=f"close {study.name}", width="stretch"):
        session.service.studies.close(study.name)
        st.toast("Closed.")
        st.rerun()


def _tables(session: Session, study: Study) -> None:
    if not _counts(study)[0]:
        st.text("Nobody has rated yet.")
        return
    found = session.service.studies.tables(study.name)
    if study.closed_at is None:
        st.text("The study is open: these are interim figures. Don't show them to its raters.")
    for number, group in enumerate(found.tables):
        title = f"{group[:1].upper()}{group[1:]}"
        st.markdown(f"**{title}**")
        name = f"{study.name}-{'modified' if number else 'all'}"
        show_table(_rows(found, group), _columns(found), name, label=title)
    st.text(_agreement(found))
    missing = {rater: count for rater, count in found.unrated.items() if count}
    if missing:
        st.text("Scores missing: " + ", ".join(f"{rater} {count:,}" for rater, count in missing.items()))
    _downloads(session, study, found)


def _columns(found: StudyTables) -> dict[str, Column]:
    return {
        "scores of": Column(),
        **dict.fromkeys(map(_column, found.raters), Column("{:.1f}", "Mean of this rater's scores")),
        "average": Column("{:.1f}", _AVERAGE),
        "scores": Column("{:,}", "How many scores the row is made of"),
        **dict.fromkeys(_gain_columns(found), Column("{:+.1f}", _GAIN)),
    }


def _rows(found: StudyTables, group: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for part, by_source in found.tables[group].items():
        for source, averages in by_source.items():
            gain = found.gains[group].get(part, {}).get(source)
            gained = (None, None, None) if gain is None else (gain.value, gain.low, gain.high)
            means = {_column(rater): averages.by_rater.get(rater) for rater in found.raters}
            rows.append(
                {
                    "scores of": f"{part}, {source}",
                    **means,
                    "average": averages.average,
                    "scores": averages.scores,
                    **dict(zip(_gain_columns(found), gained, strict=True)),
                }
            )
    return rows


def _gain_columns(found: StudyTables) -> tuple[str, str, str]:
    return f"above {found.sources[0]}", "from", "to"


def _column(rater: str) -> str:
    """Like no other column, whatever somebody is called, and no formula."""
    return f"by {rater}"


def _agreement(found: StudyTables) -> str:
    shown = (f"{part} {'–' if value is None else f'{value:.3f}'}" for part, value in found.alpha.items())
    return (
        f"{found.pairs:,} pairs, {found.modified:,} with a modified instruction. Krippendorff's α (interval): "
        f"{', '.join(shown)}."
    )


def _downloads(session: Session, study: Study, found: StudyTables) -> None:
    left, right, _ = st.columns([1, 1, 3])
    record = found.model_dump_json(indent=1)
    with left:
        offer_file("Tables as JSON", record, f"{study.name}.json", "application/json", key=f"json {study.name}")
    with right:
        name = f"{study.name}-ratings"
        offer_file(
            "Every rating as CSV", lambda: _ratings(session, study), f"{name}.csv", "text/csv", key=f"csv {name}"
        )


def _ratings(session: Session, study: Study) -> str:
    return csv_of(list(_every_rating(session, study)))


def _every_rating(session: Session, study: Study) -> Iterator[dict[str, Any]]:
    for given in session.service.studies.scores(study.name):
        row = given.model_dump(mode="json")
        yield {**row, "flaws": " ".join(sorted(given.flaws))}
