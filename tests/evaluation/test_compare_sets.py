"""`evaluate compare-sets`: two data sets, or one before and after an engine, from files and databases."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from assembly.data_sets import read_pairs
from coachlm.desk.categories import RevisionCategory as Category
from coachlm.pairs import InstructionPair, RejectReason
from evaluation.sets.change_categories import CategoryEstimator
from evaluation.sets.matching import Dropped, Matching, match_pairs
from evaluation.sets.pair_records import pair_of
from tests.command_line import main

RAW = [("name three fruits", "", "aple, pear"), ("add", "1 2", "3"), ("Sing.", "", "")]
REVISED = [("Name three fruits.", "", "Apple, pear and plum."), ("add", "1 2", "3"), ("Sing.", "", "La la.")]


def write(path: Path, texts: Sequence[tuple[str, str, str]], *, as_array: bool = False) -> Path:
    records = [InstructionPair(*each).as_dict() for each in texts]
    lines = "\n".join(map(json.dumps, records))
    path.write_text(json.dumps(records) if as_array else lines, encoding="utf-8")
    return path


def compare(*arguments: str | Path, fails: bool = False) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["evaluate", "compare-sets", *map(str, arguments), "--json"])
    assert result.exit_code == (1 if fails else 0), result.output
    return json.loads(result.stdout)


def test_rows_are_compared_word_by_word(tmp_path: Path):
    before, after = write(tmp_path / "a.json", RAW, as_array=True), write(tmp_path / "b.jsonl", REVISED)
    found = compare(before, after, "--scores", "--html", tmp_path / "page.html")
    response = found["statistics"]["all"]["texts"]["response"]
    assert (found["matched"], found["statistics"]["all"]["changed"], response["changed"]) == (3, 2, 2)
    assert response["before"]["mean"] == pytest.approx((2 + 1 + 0) / 3)
    assert response["after"]["mean"] == pytest.approx((4 + 1 + 2) / 3)
    assert response["distance"]["mean"] == pytest.approx((3 + 0 + 2) / 3)
    assert sum(found["categories"].values()) == 3  # one instruction, two responses
    assert all(0 <= share <= 1 for share in found["scores"].values())
    page = (tmp_path / "page.html").read_text()
    assert "<svg" in page
    assert "<ins>" in page
    assert json.loads((tmp_path / "page.json").read_text())["matched"] == 3


def test_rows_of_different_length_are_refused_with_the_remedy(tmp_path: Path):
    before, after = write(tmp_path / "a.json", RAW), write(tmp_path / "b.json", REVISED[:2])
    assert "--match request" in compare(before, after, fails=True)["error"]


def test_a_filtered_set_is_matched_by_request(tmp_path: Path):
    before, after = write(tmp_path / "a.json", [*RAW, RAW[1]]), write(tmp_path / "b.json", [RAW[1], ("new", "", "x")])
    found = compare(before, after, "--match", "request")
    assert (found["matched"], found["only_before"], found["only_after"]) == (1, 3, 1)
    assert found["statistics"]["all"]["changed"] == 0
    assert found["before"]["pairs"] == 4
    unrelated = compare(before, after, "--match", "none")
    assert (unrelated["matched"], unrelated["before"]["pairs"], unrelated["after"]["pairs"]) == (0, 4, 2)


def test_broken_records_are_counted_and_leave_the_rows_aligned(tmp_path: Path):
    before = write(tmp_path / "a.jsonl", RAW)
    lines = write(tmp_path / "b.jsonl", REVISED).read_text().splitlines()
    (tmp_path / "b.jsonl").write_text("\n".join([lines[0], '{"instruction": 7}', lines[2]]))
    found = compare(before, tmp_path / "b.jsonl")
    assert found["dropped"]["after"] == {"malformed_record": 1}
    assert (found["matched"], found["statistics"]["all"]["changed"]) == (2, 2)


def test_what_an_engine_makes_is_measured_and_kept(tmp_path: Path):
    before = write(tmp_path / "a.jsonl", [("Tell me  teh news", "Noinput", "I recieved teh news yesterday."), *RAW[1:]])
    found = compare(before, "--engine", "rules", "--write", tmp_path / "out.jsonl", "--limit", "1")
    assert found["statistics"]["by_outcome"].keys() == {"revised"}
    assert found["names"] == ["a.jsonl", "rules"]
    assert len(list(read_pairs(str(tmp_path / "out.jsonl")))) == 1
    again = compare(before, tmp_path / "out.jsonl", "--limit", "1")
    assert again["statistics"] == found["statistics"]


def test_a_share_is_the_same_pairs_every_time(tmp_path: Path):
    texts = [(f"Question {number}?", "", "Yes.") for number in range(200)]
    before = write(tmp_path / "a.jsonl", texts)
    counts = {compare(before, before, "--match", "request", "--share", "0.3")["before"]["pairs"] for _ in range(2)}
    assert len(counts) == 1
    assert 30 <= counts.pop() <= 90


def test_a_database_is_a_data_set(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'db.sqlite'}"
    logs = write(tmp_path / "logs.jsonl", [("Tell me  teh news", "Noinput", "I recieved teh news yesterday.")])
    run = ["run", str(logs), "--db", url, "--engine", "rules", "--json"]
    assert CliRunner().invoke(main, run, env={"COACHLM_INTAKE_PROCESSES": "1"}).exit_code == 0
    found = compare(url, url)
    assert found["statistics"]["all"]["changed"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.json", "nowhere.json"], "is not a file"),
        (["FILE"], "--engine"),
        (["FILE", "FILE", "--write", "x.jsonl"], "--engine"),
        (["FILE", "FILE", "--share", "0.5"], "--match request"),
        (["FILE", "--engine", "imaginary"], "ENGINE"),
        (["EMPTY", "EMPTY"], "no pair"),
    ],
)
def test_what_can_not_be_compared_is_said(tmp_path: Path, arguments: list[str], says: str):
    names = {"FILE": str(write(tmp_path / "a.json", RAW)), "EMPTY": str(tmp_path / "empty.json")}
    (tmp_path / "empty.json").write_text("[]")
    assert says in compare(*(names.get(each, each) for each in arguments), fails=True)["error"]


def test_exports_of_chats_are_read_back():
    chat = {
        "messages": [{"role": "user", "content": "Add.\n\n1 2"}, {"role": "assistant", "content": "3"}],
        "input": "1 2",
    }
    shared = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}
    assert pair_of(json.dumps(chat).encode()) == InstructionPair("Add.", "1 2", "3")
    assert pair_of(shared) == InstructionPair("Hi", "", "Hello")
    assert pair_of(b"{") is RejectReason.MALFORMED_JSON
    assert pair_of({"messages": [{"role": "user", "content": ["x"]}]}) is RejectReason.MALFORMED_RECORD
    assert pair_of({"instruction": " ", "output": "x"}) is RejectReason.EMPTY
    assert pair_of({"instruction": "x", "output": "y" * 300_000}) is RejectReason.TOO_LONG


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "instruction",
                    "input",
                    "output",
                    "messages",
                    "conversations",
                    "role",
                    "content",
                    "from",
                    "value",
                    "human",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_any_record_is_a_pair_or_a_reason(record: object):
    assert isinstance(pair_of(record), InstructionPair | RejectReason)


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=8))
def test_matching_by_request_loses_and_doubles_nothing(before: list[str], after: list[str]):
    sides = [[InstructionPair(name, "", side) for name in names] for side, names in (("old", before), ("new", after))]
    found = list(match_pairs(sides[0], sides[1], Matching.REQUEST, Dropped()))
    assert [old for old, _ in found if old] == sides[0]
    assert sorted(new.instruction for _, new in found if new) == sorted(after)
    assert all(old.instruction == new.instruction for old, new in found if old and new)
    assert sum(1 for old, new in found if old and new) == sum(min(before.count(c), after.count(c)) for c in "abc")


@pytest.mark.parametrize(
    ("before", "after", "category"),
    [
        (("list three fruit", "x"), ("List three fruits.", "x"), Category.INSTRUCTION_LANGUAGE),
        (
            ("Write a story.", "x"),
            ("Write a story for children about a lighthouse.", "x"),
            Category.INSTRUCTION_CONTEXT,
        ),
        (("Draw me the picture", "x"), ("Describe sunny fields in words", "x"), Category.INSTRUCTION_FEASIBILITY),
        (("a", "Boats float."), ("a", "Boats float because they push water aside. " * 3), Category.RESPONSE_EXPANSION),
        (("a", "One apple, two pears"), ("a", "- One apple\n- Two pears"), Category.RESPONSE_LAYOUT_TONE),
        (("a", "The sum of both is 12."), ("a", "The sum of both is 15."), Category.RESPONSE_FACTS),
        (("a", "Green trucks carry heavy loads"), ("a", "Poets praise quiet mornings"), Category.RESPONSE_REWRITE),
    ],
)
def test_clear_cases_get_their_category(before: tuple[str, str], after: tuple[str, str], category: Category):
    sides = (InstructionPair(instruction, "", response) for instruction, response in (before, after))
    assert CategoryEstimator().categories(*sides) == (category,)


def test_an_unchanged_pair_has_none_and_an_unfit_one_is_other():
    pair = InstructionPair("a", "", "b")
    assert CategoryEstimator().categories(pair, pair) == ()
    unfit = CategoryEstimator(lambda _: True)
    assert unfit.categories(pair, InstructionPair("a", "", "c")) == (Category.RESPONSE_OTHER,)


def test_shares_on_the_experts_revisions_are_near_table_iv(data_dir: Path):
    from collections import Counter

    from coachlm.desk.categories import PAPER_SHARES
    from trainer.plan.revisions import read_revisions

    found = Counter(
        category
        for item in read_revisions(data_dir / "coachlm/expert_revisions.jsonl", None, Counter())
        for category in CategoryEstimator().categories(item.raw, item.revised)
    )
    for side in ("instruction", "response"):
        total = sum(count for category, count in found.items() if category.startswith(side))
        for category in (each for each in Category if each.startswith(side)):
            assert found[category] / total == pytest.approx(PAPER_SHARES[category], abs=0.1), category
