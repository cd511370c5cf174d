"""`evaluate rate`, `judge` and `judges` against a server that errs in every way: counted, retried, resumed, and never a
wrong figure."""

import json
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coachlm.pairs import InstructionPair
from evaluation.judges.answers import Failure
from evaluation.judges.judging import Comparison
from tests.command_line import main
from tests.evaluation.judge_server import JudgeTestServer, Reply, Script, serving
from tests.processes import running

COUNT = 24


def score_of(number: int) -> float:
    return (0, 2.5, 4.5, 5)[number % 4]


def number_in(prompt: str) -> int:
    return int(prompt.split("rivers of land ")[1].split(".")[0])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    pairs = [
        InstructionPair(f"Name rivers of land {n}.", "", f"The river {n} " + "and more " * (n % 3))
        for n in range(COUNT)
    ]
    return write(tmp_path / "set.jsonl", pairs)


def write(path: Path, pairs: list[InstructionPair]) -> Path:
    path.write_text("".join(json.dumps(pair.as_dict()) + "\n" for pair in pairs))
    return path


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def invoke(
        command: str, server: JudgeTestServer, *arguments: object, fails: bool = False, **env: str
    ) -> dict[str, Any]:
        environment = {
            "COACHLM_JUDGE_URL": server.url,
            "COACHLM_JUDGE_MODEL": "m",
            "COACHLM_JUDGE_WAIT_SECONDS": "0.01",
            "COACHLM_JUDGE_ATTEMPTS": "3",
            "COACHLM_JUDGE_CACHE": str(tmp_path / "cache.db"),
            "COACHLM_JUDGE_CONCURRENCY": "2",
            "COACHLM_JUDGE_PROMPT_PRICE": "2",
            "COACHLM_JUDGE_COMPLETION_PRICE": "8",
            "COACHLM_JUDGE_API_KEY": "secret-key",
        }
        result = CliRunner().invoke(main, ["evaluate", command, *map(str, arguments), "--json"], env=environment | env)
        assert result.exit_code == (1 if fails else 0), result.output
        assert "secret-key" not in result.output
        return json.loads(result.stdout)

    return invoke


def rating(number: int) -> Reply:
    return Reply(json.dumps({"rationale": "x", "score": score_of(number)}))


FAULTS: dict[str, Callable[[int], Reply]] = {
    "garbage": lambda before: Reply("as a judge of rivers I would say four or five"),
    "refusal": lambda before: Reply("I'm sorry, I can't rate that."),
    "two figures": lambda before: Reply('{"score": 1, "rationale": ""} no, {"score": 5, "rationale": ""}'),
    "out of range": lambda before: Reply('{"score": 50, "rationale": ""}'),
    "cut off": lambda before: Reply('{"score": 5}', finish_reason="length"),
    "no completion": lambda before: Reply(body=b"<html>busy</html>"),
    "unauthorised": lambda before: Reply(body=b"{}", status=401),
}
PASSING: dict[str, Callable[[int], Reply]] = {
    "rate limit": lambda before: Reply(body=b"{}", status=429, headers={"Retry-After": "0.01"}),
    "server error": lambda before: Reply(body=b"{}", status=500),
    "hang up": lambda before: Reply(hang_up=True),
}
REASONS = {
    "garbage": Failure.NO_VERDICT,
    "refusal": Failure.NO_VERDICT,
    "two figures": Failure.AMBIGUOUS,
    "out of range": Failure.OUT_OF_RANGE,
    "cut off": Failure.CUT_OFF,
    "no completion": Failure.MALFORMED,
    "unauthorised": Failure.REJECTED,
}


def faulty(faults: dict[int, str]) -> Script:
    """Questions by their number that always go wrong, and those that do twice before they are answered."""

    def script(prompt: str, before: int) -> Reply:
        number = number_in(prompt)
        fault = faults.get(number)
        if fault in FAULTS:
            return FAULTS[fault](before)
        if fault in PASSING and before < 2:
            return PASSING[fault](before)
        return rating(number)

    return script


@pytest.mark.parametrize("seed", range(3))
def test_any_mix_of_faults_is_counted_and_the_figures_are_those_of_the_rest(data: Path, run: Any, seed: int):
    chance = random.Random(seed)
    faults = {n: chance.choice([*FAULTS, *PASSING]) for n in range(COUNT) if chance.random() < 0.5}
    failed = {n for n, fault in faults.items() if fault in FAULTS}
    expected = [score_of(n) for n in range(COUNT) if n not in failed]
    mends = any(faults[n] == "unauthorised" for n in failed)
    with serving(faulty(faults)) as server:
        answer = run("rate", server, data, "--yes", "--output", data.parent / "kept", fails=mends)
    found = answer["sets"][0]
    assert (found["pairs"], found["usable"], found["complete"]) == (COUNT, len(expected), not mends)
    assert found["ratings"]["mean"] == pytest.approx(sum(expected) / len(expected))
    assert found["ratings"]["accurate"] == sum(score >= 4.5 for score in expected)
    reasons = [REASONS[faults[n]].value for n in failed]
    assert found["failures"] == {reason: reasons.count(reason) for reason in reasons}
    rows = [json.loads(line) for line in (data.parent / "kept" / "set-accuracy.jsonl").read_text().splitlines()]
    assert [n for n, row in enumerate(rows) if "failure" in row] == sorted(failed)
    assert all(row.get("score") == score_of(n) for n, row in enumerate(rows) if n not in failed)

    with serving(lambda prompt, before: rating(number_in(prompt)), port=server.port) as mended:
        again = run("rate", mended, data, "--yes")["sets"][0]
    assert len(mended.prompts) == len(failed)
    assert again["spending"]["from_cache"] == COUNT - len(failed)
    assert (again["usable"], again["failures"]) == (COUNT, {})
    assert again["ratings"]["mean"] == pytest.approx(sum(map(score_of, range(COUNT))) / COUNT)


def test_a_judge_that_dies_in_the_middle_is_no_figure_of_the_whole(data: Path, run: Any):
    def dying(prompt: str, before: int) -> Reply:
        return rating(number_in(prompt)) if len(server.prompts) <= 10 else Reply(hang_up=True)

    with serving(dying) as server:
        found = run("rate", server, data, "--yes", fails=True)["sets"][0]
    assert not found["complete"]
    assert found["usable"] + sum(found["failures"].values()) == COUNT
    assert found["usable"] == found["ratings"]["count"] <= 10
    with serving(lambda prompt, before: rating(number_in(prompt)), port=server.port) as revived:
        again = run("rate", revived, data, "--yes")["sets"][0]
    assert again["complete"]
    assert len(revived.prompts) == COUNT - found["usable"]


def test_nothing_rated_is_no_figure(data: Path, run: Any):
    with serving(lambda prompt, before: Reply("no")) as server:
        found = run("rate", server, data, "--yes", fails=True)["sets"][0]
    assert (found["usable"], found["ratings"], found["rubric"]) == (0, None, None)
    assert found["failures"] == {"no_verdict": COUNT}


def test_the_cost_is_said_before_and_after_and_has_to_be_agreed_to(data: Path, run: Any):
    with serving(lambda prompt, before: rating(number_in(prompt))) as server:
        expected = run("rate", server, data, "--estimate")
        refused = run("rate", server, data, fails=True)
        assert not server.prompts
        found = run("rate", server, data, "--yes", "--html", data.parent / "page.html")
        rerun = run("rate", server, data)  # nothing left to ask: no agreement needed
    assert expected["questions"] == COUNT
    assert expected["cost"] == pytest.approx((expected["prompt_tokens"] * 2 + expected["completion_tokens"] * 8) / 1e6)
    assert "--yes" in refused["error"]
    spent = found["sets"][0]["spending"]
    assert (spent["asked"], spent["prompt_tokens"]) == (COUNT, 100 * COUNT)
    assert spent["cost"] == pytest.approx(COUNT * (100 * 2 + 10 * 8) / 1e6)
    assert rerun["sets"][0]["spending"]["cost"] == 0
    assert "<svg" in (data.parent / "page.html").read_text()


def test_the_rubric(data: Path, run: Any):
    def script(prompt: str, before: int) -> Reply:
        good = number_in(prompt) % 2 == 0
        flaws = [] if good else ["correctness"]
        return Reply(json.dumps({"rationale": "", "flaws": flaws, "instruction": 96, "response": 95}))

    with serving(script) as server:
        found = run("rate", server, data, "--rubric", "--yes")["sets"][0]["rubric"]
    assert (found["instruction"], found["response"]) == (96, (95 + 80) / 2)
    assert (found["share_expert_level"], found["flaws"], found["capped"]) == (0.5, {"correctness": 12}, 12)


def sides(tmp_path: Path) -> tuple[Path, Path]:
    requests = [f"Name rivers of land {n}." for n in range(COUNT)]
    better = [InstructionPair(text, "", "The long river, with its banks and bridges.") for text in requests]
    worse = [InstructionPair(text, "", "river") for text in requests[:-1]]
    return write(tmp_path / "better.jsonl", better), write(tmp_path / "worse.jsonl", worse)


def verdicts(prompt: str, before: int) -> Reply:
    """Always the first one for numbers below 6, both alike for those below 12, the better one for the others."""
    number, long_first = number_in(prompt), prompt.index("bridges") < prompt.index("\nriver\n")
    if number < 6:
        scores = (9, 4)
    elif number < 12:
        scores = (7, 7)
    else:
        scores = (8, 3) if long_first else (3, 8)
    return Reply(json.dumps({"reason": "", "a": scores[0], "b": scores[1]}))


@pytest.mark.slow
def test_responses_are_compared_both_ways_round(tmp_path: Path, run: Any):
    better, worse = sides(tmp_path)
    with serving(verdicts) as server:
        answer = run(
            "judge",
            server,
            better,
            worse,
            "--judge",
            "server",
            "--judge",
            "longer",
            "--yes",
            "--output",
            tmp_path / "verdicts.jsonl",
            "--html",
            tmp_path / "page.html",
        )
    asked, longer = answer["judges"]
    rates = asked["rates"]
    # 6 contradict themselves and 6 are alike: 12 ties; of 23 in common, 11 are won.
    assert (rates["wins"], rates["ties"], rates["losses"], rates["failed"]) == (11, 12, 0, 0)
    assert (rates["wr1"]["value"], rates["wr2"]["value"], rates["qs"]["value"]) == (pytest.approx((11 + 6) / 23), 1, 1)
    assert rates["wr1"]["low"] < rates["wr1"]["value"] < rates["wr1"]["high"]
    assert asked["position"] | {"first_share": 0} == {
        "comparisons": 23,
        "consistent": 17,
        "first_favoured": 6,
        "second_favoured": 0,
        "first_share": 0,
    }
    assert asked["length"]["longer_share"]["value"] == 1
    assert longer["rates"]["wins"] == 23
    assert answer["judges_agree"] == {"m and longer-response": pytest.approx(11 / 23)}
    assert answer["in_one_set_only"] == {"candidate": 1, "reference": 0}
    # Of two judges, the majority decides where they agree: 11 won of 23.
    assert (answer["panel"]["rates"]["wins"], answer["panel"]["rates"]["failed"]) == (11, 12)
    assert -1 <= answer["panel"]["alpha"] < 0.1
    rows = [json.loads(line) for line in (tmp_path / "verdicts.jsonl").read_text().splitlines()]
    assert len(rows) == 23
    assert {row["answers"]["m"]["shown_second"]["candidate"] for row in rows[12:]} == {8}
    assert [each["pairs"] for each in answer["made_of"]["sets"]] == [23, 23]
    assert answer["made_of"]["judges"][0]["spending"]["prompt_tokens"] == 100 * 46
    assert answer["made_of"]["sets"][0]["sha256"] in (tmp_path / "page.html").read_text()
    assert "Candidate against reference,m,11,12,0,0" in (tmp_path / "page.csv").read_text()
    assert "WR1" in (tmp_path / "page.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_any_mix_of_faults_either_way_round_leaves_the_rates_of_the_rest(tmp_path: Path, run: Any, seed: int):
    better, worse = sides(tmp_path)
    chance = random.Random(seed)
    asked_of = [(n, first) for n in range(COUNT - 1) for first in (True, False)]
    faults = {each: chance.choice([*FAULTS, *PASSING]) for each in asked_of if chance.random() < 0.3}
    failed = {n for (n, _), fault in faults.items() if fault in FAULTS}
    hard = sum(fault in FAULTS for fault in faults.values())
    mends = "unauthorised" in faults.values()

    def script(prompt: str, before: int) -> Reply:
        fault = faults.get((number_in(prompt), prompt.index("bridges") < prompt.index("\nriver\n")), "")
        if fault in FAULTS:
            return FAULTS[fault](before)
        return PASSING[fault](before) if fault in PASSING and before < 2 else verdicts(prompt, before)

    with serving(script) as server:
        found = run("judge", server, better, worse, "--judge", "server", "--yes", fails=mends)["judges"][0]
    wins, ties = sum(n >= 12 and n not in failed for n in range(23)), sum(n < 12 and n not in failed for n in range(23))
    rates = found["rates"]
    assert (rates["wins"], rates["ties"], rates["losses"], rates["failed"]) == (wins, ties, 0, len(failed))
    assert rates["wr1"]["value"] == pytest.approx((wins + ties / 2) / (wins + ties))
    assert sum(found["failures"].values()) == hard
    with serving(verdicts, port=server.port) as mended:
        again = run("judge", mended, better, worse, "--judge", "server", "--yes")["judges"][0]
    assert len(mended.prompts) == hard
    assert (again["rates"]["wins"], again["rates"]["ties"], again["rates"]["failed"]) == (11, 12, 0)


@pytest.mark.slow
def test_a_comparison_that_failed_one_way_is_in_no_rate(tmp_path: Path, run: Any):
    better, worse = sides(tmp_path)

    def script(prompt: str, before: int) -> Reply:
        first = prompt.index("bridges") < prompt.index("\nriver\n")
        return Reply("no idea") if number_in(prompt) in (20, 21) and first else verdicts(prompt, before)

    with serving(script) as server:
        asked = run("judge", server, better, worse, "--judge", "server", "--yes")["judges"][0]
    assert (asked["rates"]["wins"], asked["rates"]["failed"], asked["failures"]) == (9, 2, {"no_verdict": 2})
    assert asked["rates"]["wr1"]["value"] == pytest.approx((9 + 6) / 21)
    assert asked["position"]["comparisons"] == 21


def test_a_dead_judge_gives_no_rates(tmp_path: Path, run: Any):
    better, worse = sides(tmp_path)
    with serving(lambda prompt, before: Reply(body=b"", status=503)) as server:
        asked = run("judge", server, better, worse, "--judge", "server", "--yes", fails=True)["judges"][0]
    assert (asked["rates"]["failed"], asked["rates"]["wr1"]) == (23, None)
    assert sum(asked["failures"].values()) == 46


RUN = "import sys; from tests.command_line import main; main(sys.argv[1:])"


@pytest.mark.slow
def test_a_killed_command_goes_on(data: Path, tmp_path: Path, run: Any):
    def stalling(prompt: str, before: int) -> Reply:
        if len(server.prompts) == 8:
            process.send_signal(signal.SIGKILL)
        return rating(number_in(prompt))

    with serving(stalling) as server:
        options = {"url": server.url, "model": "m", "cache": str(tmp_path / "cache.db"), "concurrency": "1"}
        given = [text for name, value in options.items() for text in (f"--judge-{name}", value)]
        command = [sys.executable, "-c", RUN, "evaluate", "rate", str(data), "--yes", *given]
        with running(command) as process:
            assert process.wait(120) == -signal.SIGKILL
        asked_before = len(server.prompts)
        found = run("rate", server, data, "--yes")["sets"][0]
    assert (found["usable"], found["complete"]) == (COUNT, True)
    assert found["spending"]["from_cache"] >= asked_before - 1


def test_judges_are_compared_with_people(tmp_path: Path, run: Any):
    labelled = [
        {
            "instruction": f"Name rivers of land {n}.",
            "input": "",
            "response1": "The long river with bridges.",
            "response2": "river\n",
            "annotator1": 1,
            "annotator2": 1,
            "annotator3": 2 if n % 2 else "tie",
        }
        for n in range(12, 24)
    ]
    (tmp_path / "labelled.json").write_text(json.dumps(labelled))
    with serving(verdicts) as server:
        answer = run("judges", server, "--comparisons", tmp_path / "labelled.json", "--judge", "server", "--yes")
    found = {each["judge"]: each["agreement"] for each in answer["judges"]}
    assert found["m"]["accuracy"] == 1
    assert found["person 3"]["accuracy"] == 0
    assert found["person 1"]["comparisons"] == 12
    assert {"expert-revision likeness", "longer response", "people's majority"} <= found.keys()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["rate", "FILE", "--judge-url", "http://localhost:1/v1"], "COACHLM_JUDGE_MODEL"),
        (["rate", "FILE", "--judge-url", "localhost", "--judge-model", "m"], "http://"),
        (["rate", "BROKEN", "--judge-url", "http://localhost:1", "--judge-model", "m"], "record 2"),
        (["judge", "FILE", "OTHER", "--judge", "longer"], "no request in common"),
        (["judge", "FILE", "FILE", "--judge", "oracle"], "no judge 'oracle'"),
        (["judge", "FILE", "FILE", "--judge", "model:./nowhere"], "config.json"),
        (["judges", "--comparisons", "FILE"], "record 1"),
    ],
)
def test_what_can_not_be_judged_is_said(data: Path, tmp_path: Path, arguments: list[str], says: str):
    (tmp_path / "broken.jsonl").write_text('{"instruction": "a", "output": "b"}\n{"instruction": []}\n')
    names = {
        "FILE": str(data),
        "BROKEN": str(tmp_path / "broken.jsonl"),
        "OTHER": str(write(tmp_path / "other.jsonl", [InstructionPair("x", "", "y")])),
    }
    result = CliRunner().invoke(main, ["evaluate", *(names.get(each, each) for each in arguments), "--json"])
    assert result.exit_code == 1
    assert says in json.loads(result.stdout)["error"]


@pytest.mark.parametrize(
    "command", [("judge", "FILE", "FILE"), ("student", "FILE", "--set", "FILE", "--output", "OUT")]
)
def test_no_judge_is_the_default_and_each_is_said_to_be_worth_what_it_is(
    data: Path, tmp_path: Path, command: tuple[str, ...]
):
    (tmp_path / "out").mkdir()
    names = {"FILE": str(data if command[0] == "judge" else tmp_path), "OUT": str(tmp_path / "out")}
    result = CliRunner().invoke(main, ["evaluate", *(names.get(each, each) for each in command), "--json"])
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert "no judge was chosen" in error
    assert all(f"--judge {name}" in error for name in ("server", "model:FOLDER", "likeness", "longer"))
    assert "0.470 of LLMBar Natural" in error


def test_the_local_judges_need_no_server(tmp_path: Path):
    better, worse = sides(tmp_path)
    result = CliRunner().invoke(
        main, ["evaluate", "judge", str(better), str(worse), "--judge", "likeness", "--judge", "local-length-free"]
    )
    assert result.exit_code == 0, result.output
    assert "expert-revision likeness, length-free" in result.output
    assert "0.470 of LLMBar Natural" in result.stderr
    assert Comparison("a", "", "b", "c").swapped().candidate == "c"
