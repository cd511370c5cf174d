"""Records that became no pair: how many for which reason, where each stood, how it begins, and what can be done."""

import streamlit as st

from api.models import Reject, Rejects
from coachlm.pairs import RejectReason
from dashboard.parts.session import signed_in
from dashboard.parts.texts import show_folded_texts

_PAGE = 20
_NONE = "Nothing was rejected. Records that can't become pairs appear here with the reason."
_TRAIL = "rejects_trail"  # the `after` of each page that was turned
_NOT_KEPT = "(none is kept)"


def render() -> None:
    session = signed_in()
    st.subheader("Rejected records")
    counts = session.service.rejects.page(limit=1).counts or {}
    reason, source = _choice(counts)
    trail: list[str | None] = st.session_state.setdefault(_TRAIL, [None])
    page = session.service.rejects.page(limit=_PAGE, after=trail[-1], reason=reason, source=source or None)
    if not page.rejects:
        st.text("No reject is like that." if counts else _NONE)
    for one in page.rejects:
        _show(one)
    _turn(trail, page)


def _choice(counts: dict[RejectReason, int]) -> tuple[RejectReason | None, str]:
    total = f"every reason ({sum(counts.values()):,})"
    names = {total: None} | {f"{_words(reason)} ({count:,})": reason for reason, count in counts.items()}
    left, right = st.columns(2)
    name = left.selectbox("Reason", list(names), key="rejects_reason", on_change=_first_page)
    source = right.text_input(
        "File or topic", key="rejects_source", on_change=_first_page, placeholder="part of its name"
    )
    return names.get(name), source.strip()


def _turn(trail: list[str | None], page: Rejects) -> None:
    if len(trail) == 1 and page.next is None:
        return
    earlier, later, _ = st.columns([1, 1, 5])
    if earlier.button("Back", disabled=len(trail) == 1, width="stretch"):
        trail.pop()
        st.rerun()
    if later.button("More", disabled=page.next is None, width="stretch"):
        trail.append(page.next)
        st.rerun()


def _first_page() -> None:
    st.session_state[_TRAIL] = [None]


def _show(one: Reject) -> None:
    folder, slash, name = one.place.rpartition("/")
    begin = f"{name}: {one.detail}" if one.detail else name
    facts = " · ".join(filter(None, (_words(one.reason.value), one.format)))
    said = [one.advice, *([f"In {folder}."] if slash else [])]
    show_folded_texts(begin, facts, said, {"How the record begins": one.excerpt or _NOT_KEPT})


def _words(reason: str) -> str:
    return reason.replace("_", " ")
