"""The owner's page: what annotators submitted, against raw pair and coach, to approve, correct or send back."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from api.client import LateError, MissingError, ServiceError, StaleError
from api.models import PairText, ReviewItem
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.post_edit import Decision
from dashboard.diffs import show_diff
from dashboard.session import Session, signed_in

_DONE = "review_done"  # what was decided in this session, so that a slow answer shows no pair twice
_TYPED = "typed "  # how the keys of fields with the owner's own text begin
_KEPT = "review_kept"  # what was typed when the service went away


@dataclass(frozen=True, slots=True)
class _Case:
    """One item, and the place on the page that it fills."""

    session: Session
    item: ReviewItem
    place: Any  # st.empty()

    @property
    def key(self) -> str:
        return _key(self.item)


def render() -> None:
    typed = {name: value for name, value in st.session_state.items() if str(name).startswith(_TYPED)}
    try:
        _page(signed_in())
    except ServiceError:
        # Streamlit forgets fields that a run of the page doesn't draw.
        st.session_state[_KEPT] = {**st.session_state.get(_KEPT, {}), **typed}
        raise


def _page(session: Session) -> None:
    chosen = _chosen_class(session)
    waiting = [
        item for item in session.service.reviews(50, chosen) if _key(item) not in st.session_state.get(_DONE, ())
    ]
    if not waiting:
        st.subheader("Nothing waits for your review")
        st.text("Post-edits appear here as annotators submit them. Not all do: a share is sampled, more of newcomers'.")
        if st.button("Look again", shortcut="R"):
            st.rerun()
        return
    for name, value in st.session_state.pop(_KEPT, {}).items():
        st.session_state[name] = value
    st.caption(
        f"{len(waiting)}{'+' if len(waiting) == 50 else ''} waiting · oldest first",
        help="Post-edits that were sampled for review and questions of annotators; at most 50 are fetched at once",
    )
    place = st.empty()
    with place.container():
        _show(_Case(session, waiting[0], place))


def _chosen_class(session: Session) -> TaskClass | None:
    if session.me.unit is not None:
        return None  # the service gives an owner the own unit alone
    names = ["every class", *(each.value for each in TaskClass)]
    name = st.segmented_control("Class", names, default=names[0], label_visibility="collapsed") or names[0]
    return None if name == names[0] else TaskClass(name)


def _show(case: _Case) -> None:
    item = case.item
    text = _text(item)
    left, right = st.columns(2)
    with left:
        st.markdown("**From the raw pair to the annotator's text**" if item.post_edit else "**The raw pair**")
        show_diff(item.raw, text if item.post_edit else item.raw)
    with right:
        if item.revision is None:
            st.markdown("**Control arm:** the annotator saw no revision of the coach")
        elif item.post_edit is None:
            st.markdown("**From the raw pair to the coach's text**")
            show_diff(item.raw, item.revision.revised)
        else:
            st.markdown("**From the coach's text to the annotator's text**")
            show_diff(item.revision.revised, text)
    _facts(item)
    _decide(case)


def _text(item: ReviewItem) -> PairText:
    """What there is to decide on: the annotator's text, else the coach's, else the raw one."""
    if item.post_edit is not None:
        return item.post_edit.final
    return item.raw if item.revision is None else item.revision.revised


def _facts(item: ReviewItem) -> None:
    edit = item.post_edit
    facts = [f"by {item.annotator or (edit.person if edit else 'nobody')}", item.task_class or "no class"]
    facts.append(item.reason.value.replace("_", " "))
    if edit is not None:
        facts.append(f"{edit.active_seconds:.0f} s of work")
        if edit.scores is not None:
            facts.append(f"instruction {edit.scores.instruction}, response {edit.scores.response} of 100")
        facts += [category.value.replace("_", " ") for category in edit.categories]
    st.text(" · ".join(str(fact) for fact in facts), help=_ABOUT)
    for said in filter(None, (item.comment, edit.comment if edit else "")):
        st.text(f"The annotator says: {said}")
    if item.revision is not None and item.revision.flags:
        found = ", ".join(f"{flag.kind.value.replace('_', ' ')}: {flag.text!r}" for flag in item.revision.flags)
        st.text(f"Check what the coach added: {found}")


_ABOUT = (
    "Who and which class; why it is here (sampled, newcomer, flagged, returned, sent); work: from claim to submit by "
    "heartbeats, idle gaps cut; scores by the rubric of Table II, of 100; what kinds of change were made."
)


def _decide(case: _Case) -> None:
    item, key = case.item, case.key
    comment = st.text_area("Comment (needed to send it back)", key=f"{_TYPED}comment {key}", height=70, max_chars=5000)
    correct = item.post_edit is None or st.toggle("Correct the text myself", key=f"{_TYPED}fix {key}")
    final = _editor(item, key) if correct else None
    approve, back, aside, later = st.columns([2, 1, 1, 3])
    label = "Approve with my text" if correct else "Approve"
    if approve.button(label, type="primary", shortcut="Ctrl+Enter", key=f"approve {key}", width="stretch"):
        _approve(case, final, comment)
    if back.button("Send back", shortcut="Ctrl+B", key=f"back {key}", width="stretch"):
        if comment.strip():
            _send(case, Decision.RETURN, None, comment)
        else:
            st.error("Say in the comment what should change: the annotator sees it.")
    with aside.popover("Set aside", width="stretch"):
        _set_aside(case, comment)
    later.caption(f"Pair {item.pair_id[:12]} · Ctrl+Enter approves, Ctrl+B sends back")


def _approve(case: _Case, final: InstructionPair | None, comment: str) -> None:
    edit = case.item.post_edit
    if final is not None and not (final.instruction.strip() and final.response.strip()):
        st.error("An instruction and a response are needed: neither may be empty.")
    elif final is not None and (edit is None or final != edit.final.pair()):
        _send(case, Decision.FIX, final, comment)
    else:
        _send(case, Decision.APPROVE, None, comment)


def _set_aside(case: _Case, comment: str) -> None:
    item = case.item
    name = st.selectbox("Reason", [reason.value for reason in ExcludeReason], key=f"reason {case.key}")
    if not st.button("Set the pair aside", key=f"aside {case.key}"):
        return
    _clear(case)
    try:
        case.session.service.exclude(item.pair_id, item.version, ExcludeReason(name), comment)
    except (StaleError, LateError, MissingError) as error:
        st.toast(f"Not set aside: {error}")
    else:
        _done(item, "Set aside; it can be restored.")
    st.rerun()


def _editor(item: ReviewItem, key: str) -> InstructionPair:
    text = _text(item)
    instruction = st.text_area("Instruction", text.instruction, key=f"{_TYPED}instruction {key}", height=100)
    given = st.text_area("Input", text.input, key=f"{_TYPED}input {key}", height=70)
    response = st.text_area("Response", text.response, key=f"{_TYPED}response {key}", height=300)
    return InstructionPair(instruction, given, response)


def _send(case: _Case, decision: Decision, final: InstructionPair | None, comment: str) -> None:
    _clear(case)
    try:
        case.session.service.review(case.item, decision, final, comment)
    except (StaleError, LateError, MissingError) as error:
        st.toast(f"Not stored: {error} Showing it as it is now.")
    else:
        past = {
            Decision.APPROVE: "Approved",
            Decision.FIX: "Approved with your correction",
            Decision.RETURN: "Sent back",
        }
        _done(case.item, past[decision])
    st.rerun()


def _clear(case: _Case) -> None:
    """Before the service is asked: the buttons of what was decided must not stay until the next item is there."""
    case.place.caption("Storing…")


def _done(item: ReviewItem, message: str) -> None:
    st.toast(message)
    st.session_state.setdefault(_DONE, set()).add(_key(item))


def _key(item: ReviewItem) -> str:
    return f"{item.pair_id} {item.version}"
