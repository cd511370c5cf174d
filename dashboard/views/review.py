"""The owner's page: what annotators submitted, against raw pair and coach, to approve, correct or send back."""

import streamlit as st

from api.client import LateError, MissingError, StaleError
from api.models import PairText, ReviewItem
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.post_edit import Decision
from dashboard.diffs import show_diff
from dashboard.session import Session, signed_in

_DONE = "review_done"  # what was decided in this session, so that a slow answer shows no pair twice


def render() -> None:
    session = signed_in()
    chosen = _chosen_class(session)
    waiting = [
        item for item in session.service.reviews(50, chosen) if _key(item) not in st.session_state.get(_DONE, ())
    ]
    if not waiting:
        st.subheader("Nothing waits for your review")
        st.text("Post-edits appear here as annotators submit them. Not all do: a share is sampled, more of newcomers.")
        if st.button("Look again", shortcut="R"):
            st.rerun()
        return
    st.caption(f"{len(waiting)}{'+' if len(waiting) == 50 else ''} waiting · oldest first")
    _show(session, waiting[0])


def _chosen_class(session: Session) -> TaskClass | None:
    if session.me.unit is not None:
        return None  # the service gives an owner the own unit alone
    names = ["every class", *(each.value for each in TaskClass)]
    name = st.segmented_control("Class", names, default=names[0], label_visibility="collapsed") or names[0]
    return None if name == names[0] else TaskClass(name)


def _show(session: Session, item: ReviewItem) -> None:
    edit = item.post_edit
    left, right = st.columns(2)
    with left:
        st.markdown("**From the raw pair to the annotator's text**")
        show_diff(item.raw, edit.final)
    with right:
        if item.revision is None:
            st.markdown("**Control arm:** the annotator saw no revision of the coach")
        else:
            st.markdown("**From the coach's text to the annotator's text**")
            show_diff(item.revision.revised, edit.final)
    _facts(item)
    _decide(session, item)


def _facts(item: ReviewItem) -> None:
    edit = item.post_edit
    facts = [f"by {edit.person}", f"{edit.active_seconds:.0f} s of work", item.task_class or "no class"]
    if edit.scores is not None:
        facts.append(f"instruction {edit.scores.instruction}, response {edit.scores.response} of 100")
    facts += [category.value.replace("_", " ") for category in edit.categories]
    st.text(" · ".join(str(fact) for fact in facts))
    if edit.comment:
        st.text(f"The annotator says: {edit.comment}")
    if item.revision is not None and item.revision.flags:
        found = ", ".join(f"{flag.kind.value.replace('_', ' ')}: {flag.text!r}" for flag in item.revision.flags)
        st.text(f"Check what the coach added: {found}")


def _decide(session: Session, item: ReviewItem) -> None:
    key = _key(item)
    comment = st.text_area("Comment (needed to send it back)", key=f"comment {key}", height=70, max_chars=5000)
    correct = st.toggle("Correct the text myself", key=f"fix {key}")
    final = _editor(item, key) if correct else None
    approve, back, later = st.columns([2, 1, 4])
    label = "Approve with my correction" if correct else "Approve"
    if approve.button(label, type="primary", shortcut="Ctrl+Enter", key=f"approve {key}", width="stretch"):
        if final is not None and not (final.instruction.strip() and final.response.strip()):
            st.error("An instruction and a response are needed: neither may be empty.")
        elif final is not None and final != edit_text(item):
            _send(session, item, Decision.FIX, final, comment)
        else:
            _send(session, item, Decision.APPROVE, None, comment)
    if back.button("Send back", shortcut="Ctrl+B", key=f"back {key}", width="stretch"):
        if comment.strip():
            _send(session, item, Decision.RETURN, None, comment)
        else:
            st.error("Say in the comment what should change: the annotator sees it.")
    later.caption(f"Pair {item.pair_id[:12]} · Ctrl+Enter approves, Ctrl+B sends back")


def edit_text(item: ReviewItem) -> InstructionPair:
    return item.post_edit.final.pair()


def _editor(item: ReviewItem, key: str) -> InstructionPair:
    final: PairText = item.post_edit.final
    instruction = st.text_area("Instruction", final.instruction, key=f"instruction {key}", height=100)
    given = st.text_area("Input", final.input, key=f"input {key}", height=70)
    response = st.text_area("Response", final.response, key=f"response {key}", height=300)
    return InstructionPair(instruction, given, response)


def _send(session: Session, item: ReviewItem, decision: Decision, final: InstructionPair | None, comment: str) -> None:
    try:
        session.service.review(item, decision, final, comment)
    except (StaleError, LateError, MissingError) as error:
        st.toast(f"Not stored: {error} Showing it as it is now.")
    else:
        past = {
            Decision.APPROVE: "Approved",
            Decision.FIX: "Approved with your correction",
            Decision.RETURN: "Sent back",
        }
        st.toast(past[decision])
        st.session_state.setdefault(_DONE, set()).add(_key(item))
    st.rerun()


def _key(item: ReviewItem) -> str:
    return f"{item.pair_id} {item.version}"
