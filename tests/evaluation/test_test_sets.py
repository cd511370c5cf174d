"""The registry of test sets: what lies in the user's folder, own files, and broken ones."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from coachlm.errors import InputError
from coachlm.pairs import InstructionPair
from evaluation.sets.registry import TEST_SETS
from evaluation.sets.set_categories import set_categories
from evaluation.sets.test_sets import SetState, load_test_set, look_at_sets
from tests.command_line import main


def test_registered_sets_are_as_the_paper_counts_them(data_dir: Path):
    assert {finding.state for finding in look_at_sets(data_dir)} == {SetState.READY}
    for name, count in {"coachlm150": 150, "pandalm170": 170, "vicuna80": 80, "self_instruct252": 252}.items():
        pairs = load_test_set(name, data_dir)
        assert len(pairs) == count == TEST_SETS[name].count
        assert sum(not pair.response.strip() for pair in pairs) == (1 if name == "pandalm170" else 0)
        assert len({(pair.instruction, pair.input) for pair in pairs}) == count


def test_missing_and_changed_files_are_told(tmp_path: Path):
    changed = tmp_path / "coachlm/coachlm150.json"
    changed.parent.mkdir()
    changed.write_text('[{"instruction": "Name a river.", "input": "", "reference response": "The Oder."}]')
    states = {finding.test_set.name: finding.state for finding in look_at_sets(tmp_path)}
    assert states["coachlm150"] is SetState.CHANGED
    assert states["vicuna80"] is SetState.MISSING
    with pytest.raises(InputError, match="changed"):
        load_test_set("coachlm150", tmp_path)
    with pytest.raises(InputError, match="vicuna80_questions"):
        load_test_set("vicuna80", tmp_path)
    with pytest.raises(InputError, match="COACHLM_DATA_DIR"):
        load_test_set("vicuna80", None)
    expected = [InstructionPair("Name a river.", "", "The Oder.")]
    assert load_test_set("coachlm150", tmp_path, allow_changed=True) == expected


def test_a_set_is_known_however_its_file_is_written(data_dir: Path, tmp_path: Path):
    """As the paper's repository writes it, over lines and with escapes; as lines; with other keys' order."""
    records = json.loads((data_dir / "coachlm/coachlm150.json").read_text("utf-8"))
    path = tmp_path / "coachlm/coachlm150.json"
    path.parent.mkdir()
    for text in (
        json.dumps(records, indent=4).replace("\n", "\r\n"),
        "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records),
        json.dumps([dict(sorted(record.items(), reverse=True)) for record in records]),
    ):
        path.write_text(text, "utf-8")
        assert len(load_test_set("coachlm150", tmp_path)) == 150
    path.write_text(json.dumps(records[1:]))
    with pytest.raises(InputError, match="changed"):
        load_test_set("coachlm150", tmp_path)


def test_every_request_of_a_registered_set_has_a_category(data_dir: Path):
    for name in TEST_SETS:
        pairs = load_test_set(name, data_dir)
        found = set_categories(name, data_dir)
        assert {(pair.instruction, pair.input) for pair in pairs} == found.keys()
    assert set(set_categories("vicuna80", data_dir).values()) >= {"writing", "math", "coding", "fermi"}
    assert all(name.endswith("(estimated)") for name in set_categories("coachlm150", data_dir).values())


def test_results_come_by_category(tmp_path: Path):
    reference, candidate = tmp_path / "reference.json", tmp_path / "candidate.json"
    asked = [{"instruction": f"Ask {n}", "category": "even" if n % 2 == 0 else "odd", "output": "b"} for n in range(6)]
    reference.write_text(json.dumps(asked))
    answers = [{"instruction": f"Ask {n}", "output": "long answer" if n % 2 == 0 else ""} for n in range(6)]
    candidate.write_text(json.dumps(answers))
    arguments = ["evaluate", "judge", str(candidate), str(reference), "--judge", "longer", "--json"]
    answer = CliRunner().invoke(main, arguments)
    found = json.loads(answer.stdout)["judges"][0]["by_category"]
    assert {name: (each["wins"], each["losses"]) for name, each in found.items()} == {"even": (3, 0), "odd": (0, 3)}
    assert 0.3 < found["even"]["wr1"]["low"] < found["even"]["wr1"]["high"] == 1  # all alike, and yet an interval


@pytest.mark.parametrize(
    "content",
    [
        '[{"instruction": "Add.", "input": "1 1", "output": "2"}, {"instruction": "Wait.", "input": null}]',
        '{"instruction": "Add.", "input": "1 1", "response": "2"}\n\n{"instruction": "Wait."}\n',
    ],
)
def test_own_sets_are_json_or_json_lines(tmp_path: Path, content: str):
    path = tmp_path / "own.json"
    path.write_text(content)
    expected = [InstructionPair("Add.", "1 1", "2"), InstructionPair("Wait.", "", "")]
    assert load_test_set(str(path), None) == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no records"),
        (b"[]", "no records"),
        (b"{", "neither a JSON list"),
        (b"\xff\xfe", "neither a JSON list"),
        (b"[" * 100_000, "neither a JSON list"),
        (b'[{"instruction": "a"}, 3]', "record 2"),
        (b'[{"input": "a"}]', "record 1"),
        (b'[{"instruction": " "}]', "empty"),
        (b'[{"instruction": "a", "output": ["b"]}]', "must be text"),
    ],
)
def test_broken_own_sets_are_refused_with_the_place(tmp_path: Path, content: bytes, said: str):
    path = tmp_path / "own.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        load_test_set(str(path), None)


def test_unknown_sets_are_refused_with_the_known_names():
    with pytest.raises(InputError, match="coachlm150"):
        load_test_set("vicuna81", None)


def test_sets_command_lists_states(tmp_path: Path):
    answer = CliRunner().invoke(main, ["evaluate", "sets", "--folder", str(tmp_path), "--json"])
    assert answer.exit_code == 0
    found = {each["name"]: each for each in json.loads(answer.output)["sets"]}
    assert found.keys() == TEST_SETS.keys()
    assert {each["state"] for each in found.values()} == {"missing"}
    assert found["vicuna80"]["licence"] == "Apache-2.0"
    people = CliRunner().invoke(main, ["evaluate", "sets", "--folder", str(tmp_path)])
    assert people.exit_code == 0
    assert "coachlm150" in people.output


def test_commands_need_a_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("COACHLM_DATA_DIR", raising=False)
    for command in ("sets", "judges"):
        answer = CliRunner().invoke(main, ["evaluate", command, "--json"])
        assert answer.exit_code == 1
        assert "COACHLM_DATA_DIR" in json.loads(answer.output)["error"]
