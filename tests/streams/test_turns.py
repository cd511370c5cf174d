"""What conversations come to under each choice of turns, with hostile and personal text."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.context import Context, ContextMessage, ToolCall
from coachlm.pairs import Position, Reject, RejectReason, SourcedPair
from coachlm.settings import Turns
from streams.reading.sources.records import Conversation, Message, Role
from streams.reading.turns import MAX_EXCHANGES, Extracted, conversation_pairs

HERE = Position("log.jsonl", 7, 2)
U, A, S, T = Role.USER, Role.ASSISTANT, Role.SYSTEM, Role.TOOL


def keep(texts: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    return list(texts), {}


def extract(*messages: Message | tuple[Role, str], turns: Turns = "each", **circumstances: object) -> Extracted:
    said = tuple(message if isinstance(message, Message) else Message(*message) for message in messages)
    conversation = Conversation(HERE, "chat", said, **circumstances)  # type: ignore[arg-type]
    return conversation_pairs(conversation, turns, keep, lambda identifier: f"#{len(identifier)}")


def texts(extracted: Extracted) -> list[object]:
    """Pairs as (instruction, input, response), rejects as reasons."""
    return [
        item.reason if isinstance(item, Reject) else (item.pair.instruction, item.pair.input, item.pair.response)
        for item in extracted.items
    ]


def context_of(item: SourcedPair | Reject) -> Context:
    assert isinstance(item, SourcedPair)
    return item.pair.context or Context()


def said_before(item: SourcedPair | Reject) -> list[tuple[Role, str]]:
    return [(message.role, message.text) for message in context_of(item).messages]


def only_pair(extracted: Extracted) -> SourcedPair:
    (item,) = extracted.items
    assert isinstance(item, SourcedPair)
    return item


CALL = Message(A, "", calls_tools=True)
TWO = [(U, "one?"), (A, "1"), (U, "two?"), (A, "2")]


def test_each_exchange_is_a_pair_in_the_context_of_what_was_said_before() -> None:
    extracted = extract(*TWO)
    assert texts(extracted) == [("one?", "", "1"), ("two?", "", "2")]
    assert [said_before(item) for item in extracted.items] == [[], TWO[:2]]


def test_turns_of_a_conversation_know_it_and_their_numbers() -> None:
    turns = [item.provenance for item in extract(*TWO).items if isinstance(item, SourcedPair)]
    longer = [item.provenance for item in extract(*TWO, (U, "three?"), (A, "3")).items if isinstance(item, SourcedPair)]
    assert [turn.turn for turn in longer] == [1, 2, 3]
    assert {turn.conversation for turn in turns} == {turn.conversation for turn in longer} != {None}
    alone = only_pair(extract(*TWO[:2])).provenance
    assert (alone.conversation, alone.turn) == (None, None)


def test_first_and_last_leave_the_others_out_and_say_so() -> None:
    assert texts(extract(*TWO, turns="first")) == [("one?", "", "1"), RejectReason.NOT_CHOSEN]
    assert texts(extract(*TWO, (U, "three?"), turns="last")) == [
        ("two?", "", "2"),
        RejectReason.NOT_CHOSEN,
    ]
    assert said_before(extract(*TWO, turns="last").items[0]) == TWO[:2]
    for turns in get_args(Turns):
        assert texts(extract(*TWO[:2], turns=turns)) == [("one?", "", "1")]


def test_items_are_numbered_and_positions_are_the_conversation_s() -> None:
    items = extract(*TWO, (U, "three?")).items
    positions = [item.position if isinstance(item, Reject) else item.provenance.position for item in items]
    assert positions == [Position("log.jsonl", 7, part) for part in range(3)]


def test_consecutive_messages_of_one_speaker_are_one_turn() -> None:
    extracted = extract((U, "one"), Message(U, "two", input="data"), (A, "three"), (T, "{}"), (A, ""), (A, "four"))
    assert texts(extracted) == [("one\n\ntwo", "data", "three\n\nfour")]


def test_material_stays_with_its_own_turn() -> None:
    extracted = extract(Message(U, "sum", input="1 2"), (A, "3"), Message(U, "again", input="4 5"), (A, "9"))
    assert texts(extracted)[1] == ("again", "4 5", "9")
    assert said_before(extracted.items[1]) == [(U, "sum\n\n1 2"), (A, "3")]


def test_what_the_assistant_says_first_is_context() -> None:
    said = [(A, "welcome"), (U, "one?"), (A, "1")]
    for turns in get_args(Turns):
        assert texts(extract(*said, turns=turns)) == [("one?", "", "1")]
        assert said_before(extract(*said, turns=turns).items[0]) == [(A, "welcome")]


def test_system_prompts_stand_in_context_and_provenance() -> None:
    pair = only_pair(extract((S, "be brief"), (U, "one?"), (S, "be kind"), (A, "1")))
    assert (pair.pair.instruction, pair.pair.input) == ("one?", "")
    assert pair.provenance.system_prompt == context_of(pair).system == "be brief\n\nbe kind"
    blank = only_pair(extract((S, " "), (U, "one?"), (A, "1")))
    assert (blank.provenance.system_prompt, blank.pair.context) == (None, None)


def test_a_later_system_prompt_keeps_its_place() -> None:
    first, second = extract(*TWO[:2], (S, "now in French"), *TWO[2:]).items
    assert said_before(first) == []
    assert said_before(second) == [*TWO[:2], (S, "now in French")]


def test_calls_of_tools_and_their_results_lead_to_the_answer() -> None:
    call = Message(A, "", calls_tools=True, calls=(ToolCall("clock", '{"city": "Lima"}'),))
    first, second = extract((U, "time?"), call, (T, "14:05"), (A, "Five past two."), *TWO[2:]).items
    steps = (ContextMessage(A, "", call.calls), ContextMessage(T, "14:05"))
    assert context_of(first).steps == steps
    question, answer = ContextMessage(U, "time?"), ContextMessage(A, "Five past two.")
    assert context_of(second).messages == (question, *steps, answer)


def test_the_same_words_in_another_context_are_another_pair() -> None:
    alone, later = extract((U, "go on"), (A, "yes"), (U, "go on"), (A, "yes")).items
    assert isinstance(alone, SourcedPair)
    assert isinstance(later, SourcedPair)
    assert alone.pair == later.pair
    assert alone.pair.id != later.pair.id
    again = extract((U, "go on"), (A, "yes"), (U, "go on"), (A, "yes"), (U, "more"), (A, "no")).items[1]
    assert isinstance(again, SourcedPair)
    assert again.pair.id == later.pair.id


@pytest.mark.parametrize(
    ("messages", "reasons"),
    [
        ([], [RejectReason.EMPTY]),
        ([(A, "hello")], [RejectReason.EMPTY]),
        ([(S, "x"), (T, "y")], [RejectReason.EMPTY]),
        ([(U, "one?")], [RejectReason.NO_RESPONSE]),
        ([(U, " \n"), (A, "1")], [RejectReason.EMPTY]),
        ([(U, "\0"), (A, "1")], [RejectReason.EMPTY]),
        ([(U, "one?"), (A, " \t")], [RejectReason.EMPTY]),
        ([(U, "one?"), CALL], [RejectReason.TOOL_ONLY]),
        ([(U, "one?"), CALL, (T, "result")], [RejectReason.TOOL_ONLY]),
        ([(U, "one?"), (A, "")], [RejectReason.EMPTY]),
        ([(U, "one?"), (A, "\u200b\ufeff")], [RejectReason.EMPTY]),
        ([(U, "one?"), (T, "result")], [RejectReason.NO_RESPONSE]),
        (
            [(U, "a"), CALL, (U, ""), (A, "x"), (U, "b")],
            [RejectReason.TOOL_ONLY, RejectReason.EMPTY, RejectReason.NO_RESPONSE],
        ),
    ],
)
def test_an_exchange_without_a_pair_has_its_reason(messages: list[tuple[Role, str]], reasons: list[object]) -> None:
    assert texts(extract(*messages)) == reasons
    assert texts(extract(*messages, turns="last")) == reasons


def test_an_answer_by_a_tool_alone_is_no_context() -> None:
    extracted = extract((U, "one?"), CALL, (U, "two?"), (A, "2"))
    assert texts(extracted) == [RejectReason.TOOL_ONLY, ("two?", "", "2")]
    assert said_before(extracted.items[1]) == [(U, "one?")]


def test_only_pairs_with_a_multi_modal_message_are_marked() -> None:
    extracted = extract(*TWO[:2], Message(U, "and this?", multi_modal=True), (A, "a cat"))
    marks = [item.provenance.extra for item in extracted.items if isinstance(item, SourcedPair)]
    assert marks == [{}, {"multi_modal": True}]


def test_endless_conversations_are_bounded_and_the_rest_counted() -> None:
    extracted = extract(*[(U, "a"), (A, "b")] * (MAX_EXCHANGES + 5))
    assert len(extracted.items) == MAX_EXCHANGES + 1
    rest = extracted.items[-1]
    assert isinstance(rest, Reject)
    assert rest.reason is RejectReason.TOO_LONG
    assert rest.detail.startswith("5 ")


def test_ids_are_hashed_and_the_circumstances_kept() -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    origin = only_pair(
        extract(
            *TWO[:2],
            source_id="id-1",
            timestamp=when,
            model="m\0",
            session_id="sess",
            user_id="u\ud800",
            extra={"rank": 0},
        )
    ).provenance
    assert (origin.format, origin.source_id, origin.timestamp, origin.model) == ("chat", "id-1", when, "m")
    assert (origin.session_hash, origin.user_hash, origin.extra) == ("#4", "#2", {"rank": 0})
    without = only_pair(extract(*TWO[:2], session_id="", user_id=None)).provenance
    assert (without.session_hash, without.user_hash, without.source_id) == (None, None, None)


def test_personal_data_is_replaced_once_over_all_texts() -> None:
    calls: list[list[str]] = []

    def redact(texts: Sequence[str]) -> tuple[list[str], dict[str, int]]:
        calls.append(list(texts))
        return [text.replace("ann@x.org", "<EMAIL_1>") for text in texts], {"EMAIL": 6}

    said = (
        Message(S, "you serve ann@x.org"),
        Message(U, "I am ann@x.org", input="from: ann@x.org"),
        Message(A, "", calls=(ToolCall("mail", '{"to": "ann@x.org"}'),)),
        Message(T, "sent to ann@x.org"),
        Message(A, "Hello ann@x.org"),
        Message(U, "who?"),
        Message(A, "you"),
    )
    conversation = Conversation(HERE, "chat", said, source_id="ann@x.org-17", extra={"note": "by ann@x.org", "n": 1})
    extracted = conversation_pairs(conversation, "each", redact, str)
    assert len(calls) == 1
    assert extracted.redactions == {"EMAIL": 6}
    assert "ann@" not in repr(extracted)
    assert texts(extracted)[0] == ("I am <EMAIL_1>", "from: <EMAIL_1>", "Hello <EMAIL_1>")
    first = extracted.items[0]
    assert isinstance(first, SourcedPair)
    assert [step.text or step.calls[0].arguments for step in context_of(first).steps] == [
        '{"to": "<EMAIL_1>"}',
        "sent to <EMAIL_1>",
    ]
    assert first.provenance.source_id is None
    assert first.provenance.extra == {"note": "by <EMAIL_1>", "n": 1}


messages = st.lists(
    st.builds(
        Message,
        st.sampled_from(Role),
        st.sampled_from(["", " ", "\0", "\ud83d", "hello", "é😀", "x" * 3000]),
        st.sampled_from(["", "data"]),
        st.booleans(),
    ),
    max_size=30,
)


@given(messages, st.sampled_from(get_args(Turns)))
def test_every_conversation_gives_numbered_items_that_can_be_stored(said: list[Message], turns: Turns) -> None:
    items = extract(*said, turns=turns).items
    assert items
    for part, item in enumerate(items):
        if isinstance(item, Reject):
            assert item.position.part == part
            continue
        assert item.provenance.position.part == part
        pair = item.pair
        assert pair.instruction.strip()
        assert pair.response.strip()
        stored = (pair.instruction + pair.input + pair.response).encode()
        assert b"\0" not in stored


@given(messages)
def test_each_gives_one_item_per_exchange_and_a_pair_per_answered_one(said: list[Message]) -> None:
    spoken = [message for message in said if message.role in (U, A)]
    turns: list[tuple[Role, str]] = []
    for message in spoken:
        text = message.text.replace("\0", "").strip()
        if turns and turns[-1][0] is message.role:
            turns[-1] = (message.role, turns[-1][1] + text)
        else:
            turns.append((message.role, text))
    answered = [
        bool(text and after is not None and after[1])
        for (role, text), after in zip(turns, [*turns[1:], None], strict=False)
        if role is U
    ]
    found = [isinstance(item, SourcedPair) for item in extract(*said).items]
    assert found == (answered or [False])
