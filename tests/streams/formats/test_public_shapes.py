"""Shapes that people reported in public, in this project's own words: one test a kind of fault."""

import json
from typing import Any

import pytest

from coachlm.pairs import RejectReason
from tests.streams.formats.parsing import pairs, read

Q, GOOD, WORSE = "Name a tree of the north.", "The birch grows far north.", "A palm grows far north."
LLAMA_CUE = "<|start_header_id|>assistant<|end_header_id|>\n"
THOUGHT = "They want a tree that stands frost."


def user(text: Any = Q) -> dict[str, Any]:
    return {"role": "user", "content": text}


def answer(text: Any = GOOD, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **fields}


def chat(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"messages": list(messages), **fields}


def call(response: Any, *messages: dict[str, Any], **request: Any) -> dict[str, Any]:
    return {"request": {"model": "m", "messages": list(messages) or [user()], **request}, "response": response}


def completion(text: Any, finish: Any = "stop", **fields: Any) -> dict[str, Any]:
    return {"id": "c", "choices": [{"index": 0, "message": answer(text, **fields), "finish_reason": finish}]}


def claude(*content: dict[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(content), "stop_reason": stop}


def text(value: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **fields}


PREFERENCES: list[dict[str, Any]] = [
    {"prompt": [user()], "chosen": [answer()], "rejected": [answer(WORSE)]},
    {"chosen": [user(), answer()], "rejected": [user(), answer(WORSE)]},
    {
        "conversations": [{"from": "human", "value": Q}],
        "chosen": {"from": "gpt", "value": GOOD},
        "rejected": {"from": "gpt", "value": WORSE},
    },
    {"prompt": Q, "chosen": GOOD, "rejected": WORSE},
    {"instruction": Q, "input": "", "chosen": GOOD, "rejected": WORSE},
    {"instruction": Q, "input": "", "output": [GOOD, WORSE]},
    {"prompt": Q, "chosen": [user(), answer()], "rejected": [user(), answer(WORSE)], "messages": [user(), answer()]},
    {"chosen": f"\n\nHuman: {Q}\n\nAssistant: {GOOD}", "rejected": f"\n\nHuman: {Q}\n\nAssistant: {WORSE}"},
    {"input": {"messages": [user()]}, "preferred_output": [answer()], "non_preferred_output": [answer(WORSE)]},
    {"messages": [user(), answer()], "rejected_response": WORSE},
    {"chosen_messages": [user(), answer()], "rejected_messages": [user(), answer(WORSE)]},
    {"winner": "model_b", "conversation_a": [user(), answer(WORSE)], "conversation_b": [user(), answer()]},
    {"history": Q, "human_ref_A": WORSE, "human_ref_B": GOOD, "labels": 0},
    {"prompt": Q, "answers": [{"answer": WORSE, "rank": 2}, {"answer": GOOD, "rank": 1}]},
    {"instruction": Q, "generations": [WORSE, GOOD], "ratings": [1, 5]},
    {"prompt": Q, "chosen": json.dumps([user(), answer()]), "rejected": json.dumps([user(), answer(WORSE)])},
]


@pytest.mark.parametrize("record", PREFERENCES)
def test_the_preferred_answer_is_the_pair_and_the_other_is_kept_beside_it(record: dict[str, Any]) -> None:
    (item,), rejects = read(record)

    assert (item.pair.instruction, item.pair.response) == (Q, GOOD)
    assert item.provenance.extra["rejected"] == [WORSE]
    assert not rejects


def test_a_draw_prefers_nobody() -> None:
    _, (reject,) = read({"winner": "tie", "conversation_a": [user(), answer()], "conversation_b": [user(), answer()]})

    assert reject.reason is RejectReason.NOT_CHOSEN


@pytest.mark.parametrize(
    "said",
    [
        f"<think>\n{THOUGHT}\n</think>\n\n{GOOD}",
        f"{THOUGHT}\n</think>\n{GOOD}",
        f"<thinking>{THOUGHT}</thinking>{GOOD}",
        f"<Thought>{THOUGHT}</Thought>\n<answer>{GOOD}</answer>",
        f"◁think▷{THOUGHT}◁/think▷{GOOD}",
        f"[THINK]{THOUGHT}[/THINK]{GOOD}",
        f"<seed:think>{THOUGHT}</seed:think>{GOOD}",
        f"<|begin_of_thought|>{THOUGHT}<|end_of_thought|>\n<|begin_of_solution|>{GOOD}<|end_of_solution|>",
        f"<|START_THINKING|>{THOUGHT}<|END_THINKING|><|START_RESPONSE|>{GOOD}<|END_RESPONSE|>",
        f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>{GOOD}<|return|>",
        f"analysis{THOUGHT}assistantfinal{GOOD}",
        f'<details type="reasoning" done="true">\n<summary>Thought</summary>\n> {THOUGHT}\n</details>\n{GOOD}',
    ],
)
def test_reasoning_in_the_text_is_kept_apart(said: str) -> None:
    for record in (chat(user(), answer(said)), call(completion(said)), {"instruction": Q, "output": said}):
        (item,), _ = read(record)

        assert item.pair.response == GOOD
        assert item.provenance.extra["reasoning"] == THOUGHT


@pytest.mark.parametrize(
    "said",
    [
        "Wrap it:\n\n```html\n<think>text</think>\n```",
        "The `</think>` tag ends the thought.",
        "Use <think> and </think> around it.",
        "The </think> tag ends the thought.",
    ],
)
def test_a_tag_that_is_the_matter_itself_stays(said: str) -> None:
    assert pairs(chat(user(), answer(said))) == [(Q, said)]
    assert pairs(chat(user("What is a <think> tag?"), answer("A <think>x</think> pair."))) == [
        ("What is a <think> tag?", "A <think>x</think> pair.")
    ]


def test_an_answer_that_never_came_out_of_thinking_is_unfinished() -> None:
    found, (reject,) = read(chat(user(), answer(), user("And in the south?"), answer("<think>\nIn the south")))

    assert [item.pair.response for item in found] == [GOOD]
    assert reject.reason is RejectReason.UNFINISHED


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": Q, "completion": GOOD, "label": False},
        chat(user(), answer(), label=False),
        {"prompt": [user()], "completion": [answer()], "label": False},
        {"conversations": [{"from": "human", "value": Q}, {"from": "gpt", "value": GOOD}], "kto_tag": False},
        chat(user(), answer(weight=0)),
        chat(user(), answer(loss=False)),
        chat(user(), answer(train=False)),
        chat(user(), answer(loss_weight=0.0)),
        {"query": Q, "answer": GOOD, "feedback": {"rating": "dislike"}},
        {"query": Q, "answer": GOOD, "rating": -1},
        {"query": Q, "answer": GOOD, "thumbs_up": False},
        chat(user(), answer(feedback={"rating": "thumbsDown"})),
        chat(user(), answer(annotation={"rating": -1})),
        {
            "id": "o",
            "traceId": "t",
            "type": "GENERATION",
            "startTime": "2026-01-01",
            "input": [user()],
            "output": answer(),
            "scores": [{"name": "user-feedback", "value": 0}],
        },
        {
            "run_type": "llm",
            "inputs": {"messages": [user()]},
            "outputs": completion(GOOD),
            "feedback_stats": {"user_score": {"n": 1, "avg": 0.0}},
        },
    ],
)
def test_what_the_log_calls_bad_is_marked(record: dict[str, Any]) -> None:
    (item,), _ = read(record)

    assert item.provenance.extra["mark"] == "bad"


@pytest.mark.parametrize(
    "record",
    [
        chat(user(), answer(weight=1)),
        {"instruction": Q, "output": GOOD, "label": "negative"},
        {"instruction": Q, "output": GOOD, "rating": 3, "score": 0.1},
        {"query": Q, "answer": GOOD, "feedback": {"rating": "like"}},
    ],
)
def test_what_nobody_calls_bad_is_not(record: dict[str, Any]) -> None:
    (item,), _ = read(record)

    assert item.provenance.extra.get("mark") != "bad"


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": Q, "completion": "The birch", "finish_reason": "length"},
        {"messages": [user()], "output": "The birch", "finish_reason": "length"},
        chat(user(), answer("The birch", finish_reason="length")),
        chat(user(), answer("The birch"), stop_reason="MAX_TOKENS"),
        call({"candidates": [{"content": {"parts": [{"text": "The birch"}]}, "finish_reason": 2}]}),
        call(completion("The birch", "FinishReason.MAX_TOKENS")),
        {"request": {"inputs": Q}, "response": [{"generated_text": "x", "details": {"finish_reason": "length"}}]},
        {"request": {"prompt": Q}, "response": {"content": "The birch", "stop": True, "stopped_limit": True}},
        {"request": {"input": Q}, "response": {"results": [{"generated_text": "x", "stop_reason": "max_tokens"}]}},
        chat(user(), answer("The birch", response_metadata={"finish_reason": "length"})),
    ],
)
def test_nothing_cut_passes_as_whole(record: dict[str, Any]) -> None:
    found, (reject,) = read(record)

    assert (found, reject.reason) == ([], RejectReason.UNFINISHED)


@pytest.mark.parametrize(
    ("finish", "numbers"), [("FinishReason.STOP", False), ("<FinishReason.STOP: 1>", False), ("STOP", False), (1, True)]
)
def test_whole_answers_pass_however_their_end_is_written(finish: Any, numbers: bool) -> None:
    gemini = {"candidates": [{"content": {"parts": [{"text": GOOD}]}, "finish_reason": finish}]}

    assert pairs(call(gemini)) == [(Q, GOOD)]
    assert numbers or pairs(call(completion(GOOD, finish))) == [(Q, GOOD)]


def test_an_answer_that_seems_cut_is_flagged_where_no_finish_reason_says_more() -> None:
    said = "The birch grows far north. It stands frost better than the"
    flags = [read(record)[0][0].provenance.extra for record in (chat(user(), answer(said)), call(completion(said)))]

    assert flags == [{"maybe_cut": True}, {}]


PARTS: list[dict[str, Any]] = [
    {
        "messages": [
            {"role": "user", "parts": [text(Q)]},
            {
                "role": "assistant",
                "parts": [
                    {"type": "step-start"},
                    {"type": "reasoning", "text": THOUGHT},
                    {"type": "tool-look", "input": {}, "output": {"a": 1}},
                    text(GOOD),
                    {"type": "source-url", "url": "https://example.org"},
                ],
            },
        ]
    },
    call(
        claude(
            {"type": "server_tool_use", "name": "code_execution"}, {"type": "code_execution_tool_result"}, text(GOOD)
        )
    ),
    call(
        claude(
            {"type": "mcp_tool_use", "name": "x"}, {"type": "mcp_tool_result", "content": [text("free")]}, text(GOOD)
        )
    ),
    chat(
        user([{"type": "text", "value": Q}]),
        answer([{"type": "reasoning", "value": "x"}, {"type": "text", "value": GOOD}]),
    ),
    {"messages": [{"type": "human", "data": {"content": Q}}, {"type": "ai", "data": {"content": GOOD}}]},
    {
        "messages": [
            {"lc": 1, "type": "constructor", "id": ["a", "HumanMessage"], "kwargs": {"content": Q}},
            {"lc": 1, "type": "constructor", "id": ["a", "AIMessage"], "kwargs": {"content": GOOD}},
        ]
    },
    chat({"role": "customer", "content": Q}, {"role": "agent", "content": GOOD}),
    chat(user(), {"role": "function_call", "content": "{}"}, {"role": "observation", "content": "{}"}, answer()),
    {
        "request": {
            "input": [
                user(),
                {"type": "local_shell_call", "action": {}},
                {"type": "local_shell_call_output", "output": "x"},
                {"type": "mcp_list_tools", "tools": []},
            ]
        },
        "response": {
            "object": "response",
            "status": "completed",
            "output": [{"type": "message", "content": [{"type": "output_text", "text": GOOD}]}],
        },
    },
    {
        "request": {"contents": [{"parts": [{"text": Q}]}]},
        "response": {
            "candidates": [
                {"content": {"parts": [{"text": THOUGHT, "thought": True}, {"text": GOOD}]}, "finishReason": "STOP"}
            ]
        },
    },
    chat(user(), answer([text(GOOD), {"type": "wibble", "x": 1}])),
    chat(user(), {"role": "critic", "content": "Hm."}, answer()),
]


@pytest.mark.parametrize("record", PARTS)
def test_parts_beside_the_text_cost_nothing_but_themselves(record: dict[str, Any]) -> None:
    (item,), rejects = read(record)

    assert (item.pair.instruction, item.pair.response) == (Q, GOOD)
    assert "multi_modal" not in item.provenance.extra
    assert not rejects


def test_what_was_left_out_is_noted_without_its_text() -> None:
    (item,), _ = read(chat(user(), answer([text(GOOD), {"type": "wibble", "x": "secret"}])))

    assert item.provenance.extra["left_out"] == ["a part of type `wibble`"]


def test_pictures_are_still_media_and_so_are_columns_of_them() -> None:
    picture = [text("What is this?"), {"type": "image_url", "image_url": {"url": "data:"}}]

    for record in (chat(user(picture), answer()), chat(user("<image>What?"), answer(), images=["1.jpg"])):
        assert read(record)[0][0].provenance.extra["multi_modal"] is True


def test_documents_and_search_results_are_material() -> None:
    document = {"type": "document", "title": "Trees", "source": {"type": "text", "data": "Birches stand frost."}}
    found = {"type": "search_result", "title": "Frost", "content": [text("Frost kills palms.")]}
    (item,), _ = read(chat(user([document, found, text(Q)]), answer()))

    assert item.pair.input == "Trees\nBirches stand frost.\n\nFrost\nFrost kills palms."


def test_texts_of_one_answer_join_as_they_were_generated() -> None:
    begun = [user(), answer("The birch grows")]
    tool = {"type": "server_tool_use", "name": "web_search"}

    assert pairs(call(claude(text(" far north.")), *begun)) == [(Q, GOOD)]
    assert pairs(call(claude(text("The birch grows "), text("far", citations=[{}]), text(" north.")))) == [(Q, GOOD)]
    assert pairs(call(claude(text("I look."), tool, text(GOOD)))) == [(Q, f"I look.\n\n{GOOD}")]


TEMPLATES = [
    {"prompt": f"<|im_start|>system\nBrief.<|im_end|>\n<|im_start|>user\n{Q}<|im_end|>\n<|im_start|>assistant\n"},
    {"prompt": f"<s>[INST] <<SYS>>\nBrief.\n<</SYS>>\n\n{Q} [/INST]"},
    {"prompt": f"<|start_header_id|>user<|end_header_id|>\n\n{Q}<|eot_id|>{LLAMA_CUE}"},
    {"prompt": f"<start_of_turn>user\n{Q}<end_of_turn>\n<start_of_turn>model\n"},
    {"prompt": f"### Instruction:\n{Q}\n\n### Response:\n"},
    {"prompt": f"\n\nHuman: {Q}\n\nAssistant:"},
]


@pytest.mark.parametrize("record", TEMPLATES)
def test_prompts_that_a_template_rendered(record: dict[str, Any]) -> None:
    assert pairs({**record, "completion": f" {GOOD}"}) == [(Q, GOOD)]
    request = {"request": record, "response": {"choices": [{"text": f" {GOOD}<|im_end|>", "finish_reason": "stop"}]}}
    assert pairs(request) == [(Q, GOOD)]


@pytest.mark.parametrize(
    "written",
    [f"### Human: {Q}### Assistant: {GOOD}", f"<s>[INST] {Q} [/INST] {GOOD} </s>", f"USER: {Q} ASSISTANT: {GOOD}"],
)
def test_dialogues_in_one_text(written: str) -> None:
    assert pairs({"text": written}) == [(Q, GOOD)]


def test_a_users_text_with_labels_is_no_dialogue() -> None:
    asked = "System: Debian 12\nUser: web\n\nWhy does the login fail?"
    output = [{"type": "message", "content": [{"type": "output_text", "text": GOOD}]}]
    response = {"object": "response", "status": "completed", "output": output}

    assert pairs({"request": {"instructions": "Brief.", "input": asked}, "response": response}) == [(asked, GOOD)]


def test_json_that_was_encoded_twice() -> None:
    body, reply = json.dumps(json.dumps(chat(user()))), json.dumps(json.dumps(completion(GOOD)))

    assert pairs({"request": body, "response": reply}) == [(Q, GOOD)]
    assert pairs(json.dumps(json.dumps(chat(user(), answer()))).encode()) == [(Q, GOOD)]
    assert pairs({"instruction": Q, "output": '"A quoted answer."'}) == [(Q, '"A quoted answer."')]


@pytest.mark.parametrize(
    "record",
    [
        {"conversation": [{"input": Q, "output": GOOD}]},
        {"conversations": [{"human": Q, "assistant": GOOD}]},
        {"id": "0", "data": [Q, GOOD]},
        {"instruction": Q, "generation": GOOD, "model_name": "m"},
        {"instruction": {"0": Q}, "output": {"0": GOOD}},
        {"rows": [{"row_idx": 0, "row": {"instruction": Q, "output": GOOD}}]},
        {"_source": chat(user(), answer())},
        {"logEvents": [{"id": "1", "message": json.dumps(chat(user(), answer()))}]},
    ],
)
def test_shapes_of_data_sets_and_stores(record: dict[str, Any]) -> None:
    assert pairs(record) == [(Q, GOOD)]


@pytest.mark.parametrize(
    "said",
    [
        f"{GOOD}\ue200cite\ue202turn0search3\ue201",
        f"{GOOD}citeturn0search3turn1view0",
        f"{GOOD}【4:0†source】",
        'The birch grows (cite index="0-1">far north</cite>.'.replace("(cite", "<cite"),
        'The \ue200entity\ue202["tree","birch",0]\ue201 grows far north.',
    ],
)
def test_citation_marks_go_whole(said: str) -> None:
    assert pairs(chat(user(), answer(said))) == [(Q, GOOD)]


@pytest.mark.parametrize("blank", ["", " ", "\u200b", "\ufeff \u2060"])
def test_an_answer_that_nobody_sees_is_empty(blank: str) -> None:
    for record in (chat(user(), answer(blank)), chat(user(), answer(blank), user("Again?"), answer())):
        _, (reject,) = read(record)

        assert (reject.reason, reject.detail) == (RejectReason.EMPTY, "the answer is blank")


def test_a_reason_names_the_key_under_which_the_text_stands() -> None:
    _, (reject,) = read(chat({"role": "user", "utterance": Q}, answer()))

    assert (reject.reason, "`utterance`" in reject.detail) == (RejectReason.MALFORMED_RECORD, True)


def test_log_records_without_ids_and_events_a_message_each() -> None:
    def record(name: str, role: str, said: str) -> dict[str, Any]:
        body = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": said}}]}}
        return {"timeUnixNano": "1746057600000000000", "eventName": name, "body": body}

    turns = [record("gen_ai.user.message", "user", Q), record("gen_ai.choice", "assistant", GOOD)]
    more = [record("gen_ai.user.message", "user", "Again?"), record("gen_ai.choice", "assistant", "Birch.")]

    assert pairs({"resourceLogs": [{"scopeLogs": [{"logRecords": turns + more}]}]}) == [(Q, GOOD), ("Again?", "Birch.")]
