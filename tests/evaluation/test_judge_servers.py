"""Judges of today: what servers refuse, think, limit and say, each as a server of the kind behaves."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coachlm.pairs import InstructionPair
from evaluation.judges.answers import Failure, PairwiseAnswer, read_pairwise, read_rating
from evaluation.judges.judging import Comparison
from evaluation.judges.servers.cache import JudgeCache
from evaluation.judges.servers.chat_client import JudgeServer
from evaluation.judges.servers.openai import Answers, OpenAIJudge
from tests.command_line import main
from tests.evaluation.judge_server import JudgeTestServer, Reply, serving

COMPARISONS = [Comparison(f"Name {n} rivers.", "", f"candidate {n}", f"reference {n}") for n in range(30)]
GOOD = Reply('{"reason": "fine", "a": 8, "b": 6}')


def compare(server: JudgeTestServer, folder: Path, **changes: Any) -> tuple[Answers[PairwiseAnswer], OpenAIJudge]:
    values = {"base_url": server.url, "model": "m", "first_wait_seconds": 0.01, "concurrency": 1} | changes
    with JudgeCache(folder / "cache.db") as cache:
        judge = OpenAIJudge(JudgeServer(**values), cache)
        return asyncio.run(judge.compare(COMPARISONS)), judge


def refusing(server_of: Callable[[], JudgeTestServer], refusals: dict[str, str]) -> Callable[[str, int], Reply]:
    """Answers what holds none of these parameters, else refuses the first that it holds in these words."""

    def script(prompt: str, before: int) -> Reply:
        request = server_of().requests[-1]
        refused = [words for name, words in refusals.items() if name in request]
        if refused:
            return Reply(body=json.dumps({"error": {"message": refused[0]}}).encode(), status=400)
        return GOOD

    return script


@pytest.mark.slow
def test_a_server_picky_about_parameters_is_asked_as_it_likes(tmp_path: Path):
    words = {
        "max_tokens": "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
        "temperature": "Unsupported value: 'temperature' does not support 0 with this model.",
        "response_format": "response_format of type json_schema is not supported",
    }
    with serving(refusing(lambda: server, words)) as server:
        found, _ = compare(server, tmp_path)
    assert len(found.usable) == len(COMPARISONS)
    assert len(server.requests) == len(COMPARISONS) + len(words)  # each is learnt once
    assert server.requests[-1]["max_completion_tokens"] == 512


def test_limits_and_structure_are_settings(tmp_path: Path):
    data = tmp_path / "set.jsonl"
    data.write_text(json.dumps(InstructionPair("Name a river.", "", "The Oder.").as_dict()) + "\n")
    with serving(lambda prompt, before: Reply('{"rationale": "", "score": 4}')) as server:
        for number, (limit, structured) in enumerate((("512", "true"), ("9000", "false"))):
            env = {
                "COACHLM_JUDGE_URL": server.url,
                "COACHLM_JUDGE_MODEL": "m",
                "COACHLM_JUDGE_CACHE": str(tmp_path / f"{number}.db"),
                "COACHLM_JUDGE_MAX_TOKENS": limit,
                "COACHLM_JUDGE_STRUCTURED": structured,
            }
            assert CliRunner().invoke(main, ["evaluate", "rate", str(data), "--yes"], env=env).exit_code == 0
    first, second = server.requests
    assert (first["max_tokens"], second["max_tokens"]) == (512, 9000)
    assert first["response_format"]["json_schema"]["schema"]["required"] == ["rationale", "score"]
    assert "response_format" not in second


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"message": "Incorrect API key provided: secret-key"}),
        (404, {"message": "The model `m` does not exist"}),
        (429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}),
    ],
)
def test_a_wrong_key_or_model_stops_after_a_few_refusals(tmp_path: Path, status: int, body: dict[str, str]):
    reply = Reply(body=json.dumps({"error": body}).encode(), status=status)
    with serving(lambda prompt, before: reply) as server:
        found, judge = compare(server, tmp_path, api_key="secret-key")
    assert len(server.requests) == 3
    assert found.failures == {Failure.REJECTED: 3, Failure.NOT_ASKED: 27}
    [said] = judge.messages
    assert body["message"].split(":")[0] in said
    assert "secret-key" not in said


@pytest.mark.slow
def test_single_questions_may_be_refused_without_an_end(tmp_path: Path):
    reply = Reply(body=b'{"error": {"message": "content filter"}}', status=400)
    with serving(
        lambda prompt, before: reply if any(f"candidate {n}\n" in prompt for n in range(9)) else GOOD
    ) as server:
        found, _ = compare(server, tmp_path)
    assert found.failures == {Failure.REJECTED: 9}


def test_only_what_follows_the_thoughts_counts():
    thoughts = '<think>{"a": 3, "b": 8}? no, "score": 1'
    assert read_pairwise(thoughts + '</think>\n{"reason": "", "a": 8, "b": 3}').first == 8
    assert read_rating(thoughts + "</think>\n\n4/5").score == 4
    assert read_pairwise('{"reason": "", "a": "8/10", "b": "7/10"}').first == 8


@pytest.mark.slow
def test_thoughts_without_an_end_are_no_answer(tmp_path: Path):
    with serving(lambda prompt, before: Reply('<think>{"a": 3, "b": 8}')) as server:
        found, _ = compare(server, tmp_path)
    assert found.failures == {Failure.CUT_OFF: 30}


def test_scores_and_reasons_are_kept_for_the_output(tmp_path: Path):
    with serving(lambda prompt, before: GOOD) as server, JudgeCache(tmp_path / "cache.db") as cache:
        judge = OpenAIJudge(JudgeServer(server.url, "m"), cache)
        asyncio.run(judge.verdicts(COMPARISONS[:1]))
    answer = judge.answer_to(COMPARISONS[0])
    assert answer is not None
    assert (answer.first, answer.second, answer.reason) == (8, 6, "fine")
    assert judge.answer_to(COMPARISONS[1]) is None
