"""Data sets and chats: Alpaca and its relatives, plain chats, ShareGPT, Open-Assistant."""

import json
from typing import Any

import pytest

from coachlm.pairs import Reject, RejectReason
from coachlm.text.user_text import join_user_text
from streams.reading.sources.records import Conversation, Message, Role
from tests.streams.formats.parsing import chat, chats, join, parse, reason, reasons, texts
from tests.streams.formats.samples import ANSWER, ASKED, PIECES, SYSTEM, TREE


@pytest.mark.parametrize(
    "record",
    [
        {"instruction": ASKED, "output": ANSWER},
        {"instruction": ASKED, "input": None, "output": ANSWER},
        {"instruction": "", "input": ASKED, "output": ANSWER},
        {"instruction": ASKED, "context": "", "response": ANSWER, "category": "open_qa"},
        {"prompt": ASKED, "completion": ANSWER},
        {"prompt": ASKED, "response": ANSWER},
        {"question": ASKED, "answer": ANSWER},
        {"query": ASKED, "response": ANSWER},
        {"input": ASKED, "output": ANSWER, "id": 7},
    ],
)
def test_names_of_questions_and_answers(record: dict[str, Any]) -> None:
    conversation = chat(record)

    assert conversation.messages == (Message(Role.USER, ASKED), Message(Role.ASSISTANT, ANSWER))
    assert conversation.format == "alpaca"


@pytest.mark.parametrize("key", ["input", "context"])
def test_material_stays_apart(key: str) -> None:
    record = {"instruction": "Name the herb.", key: "It smells of lemon.", "output": "Lemon balm."}

    assert chat(record).messages[0] == Message(Role.USER, "Name the herb.", "It smells of lemon.")


def test_system_prompt_and_history() -> None:
    record = {
        "instruction": "And in winter?",
        "input": "",
        "output": "Less water.",
        "system": SYSTEM,
        "history": [[ASKED, ANSWER]],
    }

    assert texts(chat(record)) == [
        ("system", SYSTEM),
        ("user", ASKED),
        ("assistant", ANSWER),
        ("user", "And in winter?"),
        ("assistant", "Less water."),
    ]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"instruction": ASKED}, RejectReason.NO_RESPONSE),
        ({"instruction": ASKED, "instruction_type": "Open QA"}, RejectReason.NO_RESPONSE),
        ({"instruction": ASKED, "output": None}, RejectReason.NO_RESPONSE),
        ({"instruction": ASKED, "output": " "}, RejectReason.EMPTY),
        ({"instruction": "", "output": ANSWER}, RejectReason.EMPTY),
        ({"instruction": 3, "output": ANSWER}, RejectReason.MALFORMED_RECORD),
        ({"instruction": ASKED, "output": ["a", "b", "c"]}, RejectReason.MALFORMED_RECORD),
        ({"instruction": ASKED, "input": {"a": 1}, "output": ANSWER}, RejectReason.MALFORMED_RECORD),
        ({"instruction": ASKED, "output": ANSWER, "history": [["alone"]]}, RejectReason.MALFORMED_RECORD),
        ({"prompt": ASKED}, RejectReason.NO_RESPONSE),
    ],
)
def test_records_without_a_pair(record: dict[str, Any], expected: RejectReason) -> None:
    assert reason(record) is expected


def test_rejects_name_the_field() -> None:
    (outcome,) = parse({"instruction": ASKED, "output": 12})

    assert isinstance(outcome, Reject)
    assert outcome.detail == "`output` is a number, not text"


def test_model_of_an_answer() -> None:
    assert (
        chat({"instruction": ASKED, "output": ANSWER, "generator": "orchard-7b", "dataset": "x"}).model == "orchard-7b"
    )


# Chats


@pytest.mark.parametrize("key", ["messages", "dialogue", "chat"])
def test_lists_of_messages(key: str) -> None:
    messages = [{"role": "user", "content": ASKED}, {"role": "assistant", "content": ANSWER}]

    assert texts(chat({key: messages})) == [("user", ASKED), ("assistant", ANSWER)]
    assert texts(chat({key: json.dumps(messages)})) == [("user", ASKED), ("assistant", ANSWER)]


def test_an_array_of_messages_is_a_chat() -> None:
    assert len(chat([{"role": "user", "content": ASKED}, {"role": "assistant", "content": ANSWER}]).messages) == 2


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], RejectReason.EMPTY),
        ([{"role": "user", "content": ASKED}], RejectReason.NO_RESPONSE),
        ([{"role": "assistant", "content": ANSWER}], RejectReason.EMPTY),
        ([{"role": "user", "content": " "}, {"role": "assistant", "content": ANSWER}], RejectReason.EMPTY),
        ([{"role": "user", "content": ASKED}, {"role": "assistant", "content": ""}], RejectReason.EMPTY),
        ([{"role": "user", "content": ASKED}, {"role": "assistant", "tool_calls": [{}]}], RejectReason.TOOL_ONLY),
        ([{"role": "wizard", "content": ASKED}], RejectReason.MALFORMED_RECORD),
        ([{"content": ASKED}], RejectReason.MALFORMED_RECORD),
        ([{"role": 1, "content": ASKED}], RejectReason.MALFORMED_RECORD),
        ([{"role": "user", "content": 1}], RejectReason.MALFORMED_RECORD),
        ([{"role": "user", "content": [1]}], RejectReason.MALFORMED_RECORD),
        ([{"role": "user", "content": [{"type": "text", "text": 1}]}], RejectReason.MALFORMED_RECORD),
        (["hello"], RejectReason.MALFORMED_RECORD),
    ],
)
def test_chats_without_an_exchange(messages: list[Any], expected: RejectReason) -> None:
    assert reason({"messages": messages}) is expected


def test_tool_results_inside_a_users_message() -> None:
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "thyme"}]}
    messages = [
        {"role": "user", "content": ASKED},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "look_up", "input": {}}]},
        {"role": "user", "content": [result]},
        {"role": "assistant", "content": ANSWER},
    ]

    assert texts(chat({"messages": messages})) == [
        ("user", ASKED),
        ("assistant", ""),
        ("tool", "thyme"),
        ("assistant", ANSWER),
    ]


@pytest.mark.parametrize(
    ("speaker", "role"),
    [
        ("human", "user"),
        ("user", "user"),
        ("gpt", "assistant"),
        ("chatgpt", "assistant"),
        ("bing", "assistant"),
        ("bard", "assistant"),
        ("system", "system"),
        ("function", "tool"),
    ],
)
def test_sharegpt_speakers(speaker: str, role: str) -> None:
    turns = [
        {"from": "human", "value": ASKED},
        {"from": "gpt", "value": ANSWER},
        {"from": speaker, "value": "More."},
    ]

    assert texts(chat({"conversations": turns}))[-1] == (role, "More.")


def test_sharegpt_rounds_and_system() -> None:
    assert texts(chat({"conversation": [{"human": ASKED, "assistant": ANSWER}], "system": SYSTEM})) == [
        ("system", SYSTEM),
        ("user", ASKED),
        ("assistant", ANSWER),
    ]


def test_scraped_button_is_removed_and_markup_stays() -> None:
    turns = [
        {"from": "human", "value": "Make a list item.Share Prompt"},
        {"from": "gpt", "value": "```html\n<li>thyme &amp; sage</li>\n```"},
    ]

    assert texts(chat({"conversations": turns})) == [
        ("user", "Make a list item."),
        ("assistant", "```html\n<li>thyme &amp; sage</li>\n```"),
    ]


@pytest.mark.parametrize(
    "record",
    [
        {
            "messages": [
                {"role": "user", "content": join_user_text("Sort.", "b a")},
                {"role": "assistant", "content": "a b"},
            ]
        },
        {
            "conversations": [
                {"from": "human", "value": join_user_text("Sort.", "b a")},
                {"from": "gpt", "value": "a b"},
            ]
        },
    ],
)
def test_our_own_exports_come_back(record: dict[str, Any]) -> None:
    assert chat({**record, "input": "b a"}).messages[0] == Message(Role.USER, "Sort.", "b a")


# Open-Assistant


def node(text: str, *replies: dict[str, Any], role: str = "assistant", **fields: Any) -> dict[str, Any]:
    return {"message_id": text, "text": text, "role": role, "replies": list(replies), **fields}


def test_best_ranked_replies_are_followed() -> None:
    tree = node(
        "asked",
        node("worse", rank=1),
        node(
            "best",
            node("ignored", role="prompter"),
            node("followed", node("last"), role="prompter"),
            rank=0,
        ),
        node("deleted", rank=-1, deleted=True),
        role="prompter",
    )
    conversation, left = parse({"message_tree_id": "t", "prompt": tree})

    assert isinstance(conversation, Conversation)
    assert [message.text for message in conversation.messages] == ["asked", "best", "followed", "last"]
    assert isinstance(left, Reject)
    assert (left.reason, left.detail) == (RejectReason.NOT_CHOSEN, "3 messages on branches not followed")


def test_a_last_question_that_nobody_answered_is_left_out() -> None:
    tree = node("asked", node("answer", node("thanks", role="prompter")), role="prompter")

    assert [message.text for message in chats({"prompt": tree})[0].messages] == ["asked", "answer"]


def test_a_tree_without_a_wrapper() -> None:
    assert chats(node(ASKED, node(ANSWER), role="prompter"))[0].format == "oasst_tree"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"prompt": node(ASKED, role="prompter"), "message_tree_id": "t"}, RejectReason.NO_RESPONSE),
        ({"prompt": node(ASKED, role="prompter", deleted=True)}, RejectReason.NOT_CHOSEN),
        ({"prompt": {**node(ASKED, role="prompter"), "replies": "none"}}, RejectReason.MALFORMED_RECORD),
        ({"prompt": {**node(ASKED, role="prompter"), "text": 5}}, RejectReason.MALFORMED_RECORD),
    ],
)
def test_trees_without_an_exchange(record: dict[str, Any], expected: RejectReason) -> None:
    assert reason(record) is expected


def test_flat_messages_that_have_no_beginning_or_go_round() -> None:
    lost = {**PIECES["oasst_message"][0], "parent_id": "never came"}
    circle = [
        {**lost, "message_id": "a", "parent_id": "b"},
        {**lost, "message_id": "b", "parent_id": "a"},
    ]

    for records in ([lost], circle):
        assert [o.reason for o in join(records) if isinstance(o, Reject)] == [RejectReason.UNMATCHED] * len(records)


def test_wide_trees_are_counted_once() -> None:
    wide = {**TREE, "prompt": {**TREE["prompt"], "replies": TREE["prompt"]["replies"] * 50}}

    assert reasons(wide) == [RejectReason.NOT_CHOSEN]
