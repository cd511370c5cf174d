"""Records that became no pair: how many for which reason, where each stood, how it begins, and what can be done."""

import streamlit as st

from api.models import Reject
from coachlm.pairs import RejectReason
from dashboard.parts.paging import pages_of, show_first_page, turn_pages
from dashboard.parts.session import signed_in
from dashboard.parts.texts import show_folded_texts

_PAGE = 20
_NONE = "Nothing was rejected. Records that can't become pairs appear here with the reason."
_TRAIL = "rejects_trail"
_NOT_KEPT = "(none is kept)"


def render() -> None:
    session = signed_in()
    st.subheader("Rejected records")
    counts = session.service.rejects.page(limit=1).counts or {}
    reason, source = _choice(counts)
    turned = pages_of(_TRAIL)
    page = session.service.rejects.page(limit=_PAGE, after=turned[-1], reason=reason, source=source or None)
    if not page.rejects:
        st.text("No reject is like that." if counts else _NONE)
    for one in page.rejects:
        _show(one)
    turn_pages(turned, page.next, "Back", "More")


def _choice(counts: dict[RejectReason, int]) -> tuple[RejectReason | None, str]:
    total = f"every reason ({sum(counts.values()):,})"
    names = {total: None} | {f"{_words(reason)} ({count:,})": reason for reason, count in counts.items()}
    left, right = st.columns(2)
    name = left.selectbox("Reason", list(names), key="rejects_reason", on_change=_first_page)
    source = right.text_input(
        "File or topic", key="rejects_source", on_change=_first_page, placeholder="part of its name"
    )
    return names.get(name), source.strip()


def _first_page() -> None:
    show_first_page(_TRAIL)


def _show(one: Reject) -> None:
    folder, slash, name = one.place.rpartition("/")
    begin = f"{name}: {one.detail}" if one.detail else name
    facts = " · ".join(filter(None, (_words(one.reason.value), one.format)))
    said = [one.advice, *([f"In {folder}."] if slash else [])]
    show_folded_texts(begin, facts, said, {"How the record begins": one.excerpt or _NOT_KEPT})


def _words(reason: str) -> str:
    return reason.replace("_", " ")
