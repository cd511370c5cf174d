"""Which expert revisions α chooses, from which files, and what is said about it."""

import gzip
import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.desk.dataset import DatasetRow
from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair, Position, Provenance
from coachlm.status import Status
from coachlm.text.distance import pair_distance
from tests.trainer.models import as_record, expert_revisions, write_revisions
from trainer.plan.revisions import ExpertRevision, Source, approved_source, file_source, read_revisions
from trainer.plan.selection import Selection, chooser, read_selected, select
from trainer.plots import plot_distances


def chosen_from(source: Source, alpha: float, folder: Path) -> tuple[Selection, list[ExpertRevision]]:
    rejects: Counter[str] = Counter()
    selection = select(source.revisions(rejects), alpha, folder / "chosen.jsonl", rejects)
    return selection, list(read_selected(folder / "chosen.jsonl"))


def source_of(items: Iterable[ExpertRevision]) -> Source:
    return Source("a test", lambda _: iter(items))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=40), st.floats(0, 1))
def test_choosing_equals_sorting(ranked: list[tuple[int, int]], alpha: float) -> None:
    by_rule = sorted(range(len(ranked)), key=lambda i: (-ranked[i][0], ranked[i][1], i))
    expected = set(by_rule[: int(alpha * len(ranked) + 0.5)])
    counts = Counter(distance for distance, _ in ranked)
    is_chosen = chooser(ranked, counts, alpha)
    assert {place for place, rank in enumerate(ranked) if is_chosen(rank)} == expected


def test_published_revisions_equal_brute_force_and_their_own_distances(data_dir: Path, tmp_path: Path) -> None:
    path = data_dir / "coachlm/expert_revisions.jsonl"
    selection, chosen = chosen_from(file_source(path), 0.3, tmp_path)
    everything = list(read_revisions(path, None, Counter()))
    assert (selection.read, selection.chosen, selection.tied) == (2044, 613, 1)
    assert selection.stated_otherwise == 11

    by_ours = sorted(everything, key=lambda item: -pair_distance(item.raw, item.revised))[:613]
    by_file = sorted(everything, key=lambda item: -(item.stated_distance or 0))[:613]
    assert {item.raw.id for item in chosen} == {item.raw.id for item in by_ours} == {item.raw.id for item in by_file}


def test_set_does_not_depend_on_the_order_of_arrival(tmp_path: Path) -> None:
    items = expert_revisions(60)
    shuffled = random.Random(1).sample(items, len(items))
    selection, chosen = chosen_from(source_of(items), 0.5, tmp_path)
    assert selection.tied > selection.tied_chosen > 0, "the cut must go through a tie for this test to mean anything"
    _, again = chosen_from(source_of(shuffled), 0.5, tmp_path)
    assert {item.raw.id for item in chosen} == {item.raw.id for item in again}
    assert [item for item in items if item in chosen] == chosen, "written in order of arrival"


def test_report_says_what_alpha_cuts(tmp_path: Path) -> None:
    items = expert_revisions(30)
    same = ExpertRevision(items[0].raw, items[0].raw, stated_distance=5)
    selection, chosen = chosen_from(source_of([*items, same]), 0.3, tmp_path)
    distances = [pair_distance(item.raw, item.revised) for item in chosen]
    assert (selection.read, selection.chosen, selection.unchanged) == (31, 9, 1)
    assert selection.stated_otherwise == 1
    assert selection.cut_distance == min(distances) == selection.quantiles_chosen["0"]
    assert selection.quantiles["0"] == 0
    assert selection.quantiles["1"] == max(distances)
    assert sum(part[1] for part in selection.histogram) == 31
    assert sum(part[2] for part in selection.histogram) == 9
    plot_distances(selection, tmp_path / "distances.svg")
    assert "α = 0.3" in (tmp_path / "distances.svg").read_text(encoding="utf-8")


def test_all_of_them_and_none(tmp_path: Path) -> None:
    items = expert_revisions(7)
    assert chosen_from(source_of(items), 1.0, tmp_path)[1] == items
    with pytest.raises(TrainingError, match="7 read"):
        chosen_from(source_of(items), 0.05, tmp_path)
    with pytest.raises(TrainingError, match="source is empty"):
        chosen_from(source_of([]), 1.0, tmp_path)
    for alpha in (0.0, 1.5, float("nan")):
        with pytest.raises(TrainingError, match="alpha"):
            chosen_from(source_of(items), alpha, tmp_path)
    assert not list(tmp_path.glob("*.spool"))


@pytest.mark.slow
def test_memory_is_flat(tmp_path: Path) -> None:
    def many(count: int) -> Iterator[ExpertRevision]:
        for number in range(count):
            raw = InstructionPair(f"{number:06d}" * 40, "", "an answer " * 40)
            yield ExpertRevision(raw, InstructionPair(raw.instruction, "", raw.response[number % 300 :]))

    def peak_bytes(count: int) -> int:
        tracemalloc.start()
        try:
            assert select(many(count), 0.3, tmp_path / "chosen.jsonl", Counter()).read == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak_bytes(15_000) < peak_bytes(3_000) + 200_000, "12,000 more revisions are 16 MB of text"


def test_garbage_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    items = expert_revisions(3)
    path = tmp_path / "mixed.jsonl"
    lines = [
        "{broken",
        json.dumps(as_record(items[0])),
        "[1, 2]",
        "",
        json.dumps({"prompt": "x"}),
        json.dumps(as_record(items[1]) | {"Raw Response": 5}),
        json.dumps(as_record(items[1]) | {"Raw Input": None}),
        json.dumps(as_record(items[1]) | {"Revised Response": "x" * 300_000}),
        json.dumps(as_record(items[1]) | {"Raw Response": "\ud800"}),
    ]
    path.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe\n")
    selection, chosen = chosen_from(file_source(path), 1.0, tmp_path)
    assert [item.raw for item in chosen] == [items[0].raw, items[1].raw]
    assert selection.rejects == {
        "malformed_json": 3,  # broken, a lone surrogate, not UTF-8
        "malformed_record": 2,
        "unknown_shape": 1,
        "too_long": 1,
    }


def test_revisions_that_json_cannot_hold_are_counted(tmp_path: Path) -> None:
    items = expert_revisions(2)
    broken = ExpertRevision(InstructionPair("\ud800", "", "x"), items[0].revised)
    selection, chosen = chosen_from(source_of([items[0], broken, items[1]]), 1.0, tmp_path)
    assert chosen == items
    assert selection.rejects == {"unreadable": 1}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("array", [False, True])
def test_arrays_and_lines_zipped_or_not(tmp_path: Path, zipped: bool, array: bool) -> None:
    items = expert_revisions(4)
    records = [as_record(item) for item in items]
    text = json.dumps(records) if array else "\n".join(map(json.dumps, records))
    data = b"\xef\xbb\xbf" + text.encode()
    path = tmp_path / "revisions"
    path.write_bytes(gzip.compress(data) if zipped else data)
    assert chosen_from(file_source(path), 1.0, tmp_path)[1] == items


def test_alpaca_files_side_by_side_and_in_one(tmp_path: Path) -> None:
    items = expert_revisions(4)
    raw, revised, both = (tmp_path / name for name in ("raw.json", "revised.json", "both.jsonl"))
    raw.write_text(json.dumps([item.raw.as_dict() for item in items]))
    revised.write_text(json.dumps([item.revised.as_dict() for item in items]))
    both.write_text(
        "\n".join(json.dumps({"raw": item.raw.as_dict(), "revised": item.revised.as_dict()}) for item in items)
    )
    assert chosen_from(file_source(revised, raw), 1.0, tmp_path)[1] == items
    assert chosen_from(file_source(both), 1.0, tmp_path)[1] == items
    revised.write_text(json.dumps([item.revised.as_dict() for item in items[1:]]))
    with pytest.raises(TrainingError, match="differ in length"):
        chosen_from(file_source(revised, raw), 1.0, tmp_path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"absent\.jsonl can't be read"):
        file_source(tmp_path / "absent.jsonl")
    cut = tmp_path / "cut.json.gz"
    cut.write_bytes(gzip.compress(b"[" + b"1," * 1000)[:40])
    with pytest.raises(TrainingError, match=r"cut\.json\.gz can't be read"):
        chosen_from(file_source(cut), 1.0, tmp_path)


def test_approved_pairs_come_from_a_store(tmp_path: Path) -> None:
    item = expert_revisions(1)[0]
    provenance = Provenance(Position("-", 0), "test")

    class Shelf:
        def dataset_rows(self, *, statuses: Iterable[Status] | None = None) -> Iterator[DatasetRow]:
            assert statuses == [Status.APPROVED]
            yield DatasetRow(item.raw.id, Status.APPROVED, item.raw, provenance, final=item.revised)
            yield DatasetRow("b" * 32, Status.APPROVED, item.raw, provenance)

    selection, chosen = chosen_from(approved_source(Shelf()), 1.0, tmp_path)
    assert chosen == [item]
    assert selection.rejects == {"no_final_text": 1}


def test_source_names_content(tmp_path: Path) -> None:
    items = expert_revisions(3)
    path = write_revisions(tmp_path / "a.jsonl", items)
    before = file_source(path).name
    write_revisions(path, items[:2])
    assert file_source(path).name != before
