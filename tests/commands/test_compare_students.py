"""`evaluate compare` and `evaluate student` at the smallest size: real training, answers, verdicts, resuming."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from coachlm.pairs import InstructionPair
from evaluation.judges.judging import Verdict
from evaluation.students.config import CONFIGURATIONS, read_comparison
from evaluation.students.table import human_trend, student_rates
from tests.command_line import main
from tests.evaluation.judge_server import Reply, serving
from tests.trainer.models import expert_revisions, save_tiny_llama, write_revisions

WIN, TIE, LOSE = Verdict.WIN, Verdict.TIE, Verdict.LOSE


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, data, expert revisions, ratings and two test sets."""
    folder = tmp_path_factory.mktemp("students")
    save_tiny_llama(folder / "base")
    items = expert_revisions(12)
    write(folder / "raw.jsonl", [item.raw for item in items])
    write_revisions(folder / "experts.jsonl", items[:6])
    ratings = [{"id": item.raw.id, "score": 5 if n % 2 else 3} for n, item in enumerate(items[:10])]
    (folder / "ratings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ratings))
    for name, about in (("one", "bread"), ("two", "maps")):
        write(
            folder / f"{name}.jsonl",
            [InstructionPair(f"tell about {about} {n}", "", f"{about} is good.") for n in range(4)],
        )
    return folder


def write(path: Path, pairs: list[InstructionPair]) -> None:
    path.write_text("".join(json.dumps(pair.as_dict()) + "\n" for pair in pairs))


def config(folder: Path, name: str, arms: str, **changes: object) -> Path:
    values = {
        "base": "base",
        "test_sets": ["one.jsonl", "two.jsonl"],
        "judges": ["likeness", "longer"],
        "seeds": [0],
        "max_new_tokens": 8,
    } | changes
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    recipe = '[recipe]\nepochs = 1\nbatch_pairs = 6\nlearning_rate = 1e-3\n[defaults]\ndata = "raw.jsonl"\n'
    path = folder / f"{name}.toml"
    path.write_text("\n".join(lines) + "\n" + recipe + arms)
    return path


ARMS = """
[[arm]]
name = "plain"
[[arm]]
name = "human"
experts = "experts.jsonl"
human_samples = [2, 6]
[[arm]]
name = "filtered"
ratings = "ratings.jsonl"
[[arm]]
name = "rules"
engine = "rules"
keep_best_share = 0.5
"""


def run(*arguments: object, fails: bool = False, **env: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["evaluate", *map(str, arguments), "--json"], env=env)
    assert result.exit_code == (1 if fails else 0), result.output
    return json.loads(result.stdout)


@pytest.mark.slow
def test_the_papers_table_from_one_config(folder: Path):
    path = config(folder, "table", ARMS)
    found = run("compare", path)
    data = {name: each["counts"] for name, each in found["data"].items()}
    assert {name: each["pairs"] for name, each in found["data"].items()} == {
        "plain": 12,
        "human-2": 12,
        "human-6": 12,
        "filtered": 5,
        "rules": 6,
    }
    assert (data["human-2"]["by_experts"], data["human-6"]["by_experts"]) == (2, 6)
    assert data["filtered"] == {"read": 12, "rated_below": 5, "unrated": 2}
    assert data["rules"]["scored_below"] == 6
    assert [(each["arm"], each["judge"]) for each in found["results"]][:5] == [
        (name, "expert-revision likeness") for name in data
    ]
    assert len(found["results"]) == 5 * 2 * 2
    for each in found["results"]:
        rates = each["rates"]
        assert rates["wins"] + rates["ties"] + rates["losses"] == 4
        assert (rates["gain"] is None) == (each["arm"] == "plain")
    assert "longer-response, one" in found["trends"]
    page = (folder / "table" / "comparison.html").read_text()
    assert "WR1" in page
    assert "<svg" in page

    students = sorted((folder / "table" / "students").iterdir())
    made = {path: path.stat().st_mtime_ns for student in students for path in student.rglob("*.safetensors")}
    assert run("compare", path) == found
    assert {path: path.stat().st_mtime_ns for path in made} == made  # nothing was trained again


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_and_ends_alike(folder: Path, monkeypatch: pytest.MonkeyPatch):
    import trainer.student

    arms = '[[arm]]\nname = "plain"\n[[arm]]\nname = "half"\nlimit = 6\n'
    whole = run("compare", config(folder, "whole", arms), "--output", folder / "whole-run")
    path, train, calls = config(folder, "stopped", arms), trainer.student.train_student, 0

    def dying(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return train(*arguments, **options)

    monkeypatch.setattr(trainer.student, "train_student", dying)
    stopped = CliRunner().invoke(main, ["evaluate", "compare", str(path), "--output", str(folder / "run"), "--json"])
    assert stopped.exit_code == 130
    monkeypatch.setattr(trainer.student, "train_student", train)
    found = run("compare", path, "--output", folder / "run")
    assert found["results"] == whole["results"]
    assert found["data"] == whole["data"]


def test_a_changed_data_set_makes_another_student(folder: Path, tmp_path: Path):
    data = tmp_path / "data.jsonl"
    data.write_bytes((folder / "raw.jsonl").read_bytes())
    path = config(folder, "changing", f'[[arm]]\nname = "a"\ndata = {json.dumps(str(data))}\n', judges=["longer"])
    first = run("compare", path, "--output", tmp_path / "run")
    data.write_text(json.dumps({"instruction": "a", "output": "b"}) + "\n")
    second = run("compare", path, "--output", tmp_path / "run")
    assert (first["data"]["a"]["pairs"], second["data"]["a"]["pairs"]) == (12, 1)
    assert len(list((tmp_path / "run" / "students").iterdir())) == 2


@pytest.mark.slow
def test_a_judge_that_dies_is_asked_on_by_the_next_run(folder: Path, tmp_path: Path):
    def script(prompt: str, before: int) -> Reply:
        return Reply('{"a": 7, "b": 5, "reason": ""}') if len(server.prompts) <= 3 else Reply(body=b"", status=503)

    path = config(folder, "asked", '[[arm]]\nname = "plain"\n', judges=["server"])
    env = {
        "COACHLM_JUDGE_MODEL": "m",
        "COACHLM_JUDGE_CACHE": str(tmp_path / "c.db"),
        "COACHLM_JUDGE_ATTEMPTS": "1",
        "COACHLM_JUDGE_CONCURRENCY": "1",
    }
    arguments = ("compare", path, "--output", tmp_path / "run")
    with serving(script) as server:
        env["COACHLM_JUDGE_URL"] = server.url
        assert "--yes" in run(*arguments, fails=True, **env)["error"]
        broken = run(*arguments, "--yes", fails=True, **env)
    assert not broken["complete"]
    failed = sum(each["rates"]["failed"] for each in broken["results"])
    assert failed > 0
    assert all(
        each["rates"]["wins"] + each["rates"]["ties"] + each["rates"]["losses"] + each["rates"]["failed"] == 4
        for each in broken["results"]
    )
    with serving(lambda prompt, before: Reply('{"a": 7, "b": 5, "reason": ""}'), port=server.port):
        mended = run(*arguments, "--yes", **env)
    assert mended["complete"]
    # It always prefers what stands first, so both ways round all is a tie.
    assert [each["rates"]["ties"] for each in mended["results"]] == [4, 4]


def test_a_student_alone(folder: Path, tmp_path: Path):
    student = tmp_path / "student"
    arguments = ["train", "student", "--base", folder / "base", "--data", folder / "raw.jsonl", "--output", student]
    arguments += ["--epochs", "1", "--batch", "6", "--method", "lora", "--json"]
    assert CliRunner().invoke(main, list(map(str, arguments))).exit_code == 0
    given = ("--set", folder / "one.jsonl", "--output", tmp_path / "out", "--max-new-tokens", "8", "--judge", "longer")
    found = run("student", student, *given)
    assert [(each["test_set"], each["instructions"]) for each in found["results"]] == [("one", 4)]
    assert run("student", student, *given) == found
    assert list((tmp_path / "out" / "answers").glob("one-*.json"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("base = 1\ntest_sets = []\n[[arm]]\nname='a'\ndata='raw.jsonl'", "base = 1"),
        ("base = 'base'\ntest_sets = ['one.jsonl']", "no [[arm]]"),
        ("base = 'base'\ntest_sets = ['one.jsonl']\n[[arm]]\nname='a'", "no data"),
        ("base = 'base'\ntest_sets = ['one.jsonl']\n[[arm]]\nname='../a'\ndata='raw.jsonl'", "give a name"),
        ("base = 'base'\ntest_sets = ['one.jsonl']\n[[arm]]\nname='a'\ndata='raw.jsonl'\ncolour=1", "no key 'colour'"),
        ("base = 'base'\ntest_sets = ['x.jsonl']\njudges = ['longer']\n[[arm]]\nname='a'\ndata='raw.jsonl'", "x.jsonl"),
        (
            "base = 'base'\ntest_sets = ['one.jsonl']\njudges=['oracle']\n[[arm]]\nname='a'\ndata='raw.jsonl'",
            "no judge",
        ),
        ("base = 'base'\ntest_sets = ['one.jsonl']\njudges = ['longer']\n[[arm]]\nname='a'\ndata='nowhere'", "nowhere"),
        (
            "base = 'base'\ntest_sets = ['one.jsonl']\njudges = ['longer']\n[recipe]\nspeed=1\n"
            "[[arm]]\nname='a'\ndata='raw.jsonl'",
            "[recipe]",
        ),
        ("base = 'base'\n[[arm]]\nname='a'\ndata='raw.jsonl'", "test_sets"),
        ("base = 'base'\ntest_sets = ['one.jsonl']\n[[arm]]\nname='a'\ndata='raw.jsonl'", "no judge was chosen"),
        ("=", "can't be read"),
    ],
)
def test_what_is_wrong_in_a_config_is_named(folder: Path, text: str, says: str):
    path = folder / "wrong.toml"
    path.write_text(text)
    assert says in run("compare", path, fails=True)["error"]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_ready_configurations_can_be_read(tmp_path: Path, name: str):
    printed = CliRunner().invoke(main, ["evaluate", "compare", "--example", name])
    (tmp_path / "config.toml").write_text(printed.stdout)
    found = read_comparison(tmp_path / "config.toml")
    assert found.arms[0].name == "alpaca"
    assert {"alpaca", "alpaca-human"} <= {arm.name.removesuffix("-1000") for arm in found.arms}


def test_rates_are_those_counted_by_hand_and_intervals_hold_them():
    rates = student_rates([[WIN, WIN, TIE, LOSE], [WIN, TIE, TIE, None]], [[LOSE] * 4, [LOSE] * 4])
    assert (rates.wins, rates.ties, rates.losses, rates.failed) == (3, 3, 1, 1)
    for found, value in ((rates.wr1, 4.5 / 7), (rates.wr2, 3 / 4), (rates.qs, 6 / 7), (rates.gain, 4.5 / 7)):
        assert found is not None
        assert found.value == pytest.approx(value)
        assert found.low <= found.value <= found.high
    nothing = student_rates([[None, None]])
    assert (nothing.failed, nothing.wr1, nothing.mean) == (2, None, None)


def test_intervals_are_of_the_width_that_theory_says():
    verdicts = [[WIN if n % 2 else LOSE for n in range(200)]]
    found = student_rates(verdicts).wr1
    assert found is not None
    assert (found.high - found.low) == pytest.approx(2 * 1.96 * (0.25 / 200) ** 0.5, rel=0.15)
    # Two runs of training that disagree about everything leave much in doubt.
    both = student_rates([[WIN] * 50, [LOSE] * 50]).wr1
    assert both is not None
    assert (both.low, both.high) == (0, 1)


def test_the_trend_of_human_samples():
    found = human_trend({0: 0.50, 1000: 0.53, 2000: 0.56}, {"coach": 0.74})
    assert found is not None
    assert (found.rate_per_1k, found.at_none, found.r_squared) == tuple(map(pytest.approx, (0.03, 0.5, 1)))
    assert found.equals == {"coach": pytest.approx(8)}
    falling = human_trend({0: 0.5, 1000: 0.4}, {"coach": 0.74})
    assert falling is not None
    assert falling.equals == {"coach": None}
    assert human_trend({0: 0.5}, {}) is None
