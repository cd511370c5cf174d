"""Excluded pairs and near copies: why they are excluded, and the way back."""

import streamlit as st

from api.client.client import LateError, StaleError
from api.models import ExcludedPair
from coachlm.pairs import ExcludeReason
from dashboard.parts.paging import pages_of, show_first_page, turn_pages
from dashboard.parts.session import Session, class_name, signed_in
from dashboard.parts.texts import show_folded

_PAGE = 20
_NONE = "No pair is excluded. Pairs that the filter or people exclude appear here with their reason."
_TRAIL = "exclusions_trail"


def render() -> None:
    session = signed_in()
    st.subheader("Excluded")
    names = ["every reason", *(reason.value for reason in ExcludeReason)]
    name = st.selectbox("Reason", names, format_func=_words, key="exclusions_reason", on_change=_first_page)
    turned = pages_of(_TRAIL)
    reason = None if name == names[0] else ExcludeReason(name)
    page = session.service.pairs.exclusions(limit=_PAGE, after=turned[-1], reason=reason)
    if not page.pairs:
        st.text("No pair is excluded for this reason." if reason else _NONE)
    for pair in page.pairs:
        _show(session, pair)
    turn_pages(turned, page.next, "Earlier arrivals", "Later arrivals")


def _first_page() -> None:
    show_first_page(_TRAIL)


def _show(session: Session, pair: ExcludedPair) -> None:
    left, right = st.columns([7, 1], vertical_alignment="top")
    place = right.empty()
    with left:
        show_folded(pair.raw, _facts(pair), _why(pair))
    if place.button("Restore", key=f"restore {pair.pair_id} {pair.version}", width="stretch"):
        place.caption("Restoring…")  # the button must not stay until the page is drawn anew
        _restore(session, pair)


def _facts(pair: ExcludedPair) -> str:
    why = _words(pair.reason.value) if pair.reason else f"near copy of {pair.duplicate_of}"
    when = f" · {pair.created_at:%Y-%m-%d %H:%M} UTC" if pair.created_at else ""
    return f"{why} · {class_name(pair.task_class or 'no class')}{when}"


def _why(pair: ExcludedPair) -> str:
    """The rule or model with its threshold, and the words of the pair that made it so."""
    return f"{pair.detail}: {', '.join(pair.words)}" if pair.words else pair.detail


def _words(reason: str) -> str:
    return reason.replace("_", " ")


def _restore(session: Session, pair: ExcludedPair) -> None:
    try:
        session.service.pairs.restore(pair.pair_id, pair.version)
    except (StaleError, LateError) as error:
        st.toast(f"Not restored: {error}")
    else:
        st.toast("Restored: it goes through the coach now.")
    st.rerun()
