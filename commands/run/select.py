"""`select`: the pairs that are worth people's time, or the best part of a rated data set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.stores import database_option, open_database
from coachlm.errors import InputError, ModelError
from coachlm.machine import extras
from coachlm.settings import load_settings
from commands.shared.output import answering_errors, emit_json, json_option, results

if TYPE_CHECKING:
    import numpy as np

    from coachlm.choosing.candidates import Candidate
    from coachlm.desk.dataset import DatasetRow

_SIGNALS = ("feedback", "score", "change", "disagreement")
_MARKS = {"bad": 1.0, "good": 0.25}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the options say."""

    count: int | None
    ratings: Path | None
    min_score: float | None
    top: float | None
    prefer: str | None
    signals: tuple[str, ...]
    diversity: float
    model: str | None
    quotas: tuple[str, ...]
    seed: int


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@database_option
@click.option("--count", type=click.IntRange(1), help="How many to choose; default: all that pass.")
@click.option("--from", "source", type=click.Path(path_type=Path), help="Choose from this rated data set.")
@click.option("--ratings", type=click.Path(path_type=Path), help="JSON lines with `id` and `score`.")
@click.option("--min-score", type=float, help="Only what is rated so high, or higher.")
@click.option("--top", type=click.FloatRange(0, 1, min_open=True), help="Only this share, the best rated.")
@click.option("--prefer", type=click.Choice(["high", "low"]), help="Which ratings: with --from high, else low.")
@click.option("--by", "signals", multiple=True, type=click.Choice(_SIGNALS), help="A signal; may be repeated.")
@click.option("--diversity", default=0.5, show_default=True, type=click.FloatRange(0, 1), help="0: signals alone.")
@click.option("--model", help="Sentence model for diversity; without one, words are compared.")
@click.option("--quota", "quotas", multiple=True, help="At most: class:qa=50, source:*=100, day:*=20, template:*=3.")
@click.option("--seed", default=0, show_default=True, help="Decides among equals.")
@click.option("--first", is_flag=True, help="The chosen come first in the annotators' queue.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@json_option
@answering_errors
def select(
    folder: Path, db: str | None, source: Path | None, first: bool, overwrite: bool, as_json: bool, **options: Any
) -> None:
    """Choose the pairs that are worth people's time.

    Chosen by signals, diversity and quotas among the pairs that wait for the coach or an annotator. FOLDER gets their
    records (data.jsonl) and why each was chosen (selection.jsonl). What isn't chosen keeps waiting.

    With --from FILE the choice is made among outside records instead: JSON lines with instruction, input, output and
    score. `--from rated.jsonl --min-score 4.5 --diversity 0` is the filtering baseline of the literature.
    """
    wanted = _Wanted(**options)
    if source is not None:
        if first:
            raise InputError("--first moves pairs of the database; leave it out with --from")
        summary = _write(_outside(source, wanted), wanted, folder, overwrite)[0]
    else:
        summary = _among_waiting(db, wanted, folder, overwrite, first)
    if as_json:
        emit_json(summary)
        return
    kept_out = "".join(f"; quota {name} kept out {count:,}" for name, count in summary["kept_out"].items())
    results().print(
        f"{summary['chosen']:,} of {summary['candidates']:,} chosen{kept_out}; see {folder}/selection.jsonl"
    )


def _among_waiting(db: str | None, wanted: _Wanted, folder: Path, overwrite: bool, first: bool) -> dict[str, Any]:
    from coachlm.status import Status
    from storage.reading import StoreReader
    from storage.review.desk import ReviewDesk

    with open_database(load_settings(database_url=db)) as database:
        rows = StoreReader(database).dataset_rows(statuses=(Status.ACCEPTED, Status.REVISED))
        summary, ids = _write(_waiting(rows, wanted), wanted, folder, overwrite)
        if first:
            summary["moved"] = ReviewDesk(database).prioritise(ids, 1)
    return summary


def _outside(source: Path, wanted: _Wanted) -> list["Candidate"]:
    from coachlm.choosing.ratings import passing, rating_signals
    from commands.run.selection_files import read_rated, read_ratings

    candidates, ratings = read_rated(source)
    if wanted.ratings is not None:
        ratings = read_ratings(wanted.ratings)
    signals = rating_signals(ratings, prefers_high=wanted.prefer != "low")
    kept = set(candidates)
    if wanted.min_score is not None or wanted.top is not None:
        kept &= passing(ratings, min_score=wanted.min_score, top=wanted.top, seed=wanted.seed)
    return [replace(one, signals=signals.get(name, {})) for name, one in candidates.items() if name in kept]


def _waiting(rows: Any, wanted: _Wanted) -> list["Candidate"]:
    from coachlm.choosing.ratings import passing, rating_signals
    from commands.run.selection_files import read_ratings

    ratings = {} if wanted.ratings is None else read_ratings(wanted.ratings)
    rated = rating_signals(ratings, prefers_high=wanted.prefer == "high")
    limits = wanted.min_score is not None or wanted.top is not None
    if limits and wanted.ratings is None:
        raise InputError("--min-score and --top need ratings: give --ratings FILE, or --from a rated data set")
    kept = passing(ratings, min_score=wanted.min_score, top=wanted.top, seed=wanted.seed) if limits else None
    return [_candidate(row, rated) for row in rows if kept is None or row.pair_id in kept]


def _candidate(row: "DatasetRow", rated: dict[str, Any]) -> "Candidate":
    from coachlm.choosing.candidates import Candidate, Signal
    from coachlm.text.distance import word_distance

    signals = dict(rated.get(row.pair_id, {}))
    if (mark := row.provenance.extra.get("mark")) in _MARKS:
        signals[Signal.FEEDBACK] = _MARKS[mark]
    if row.revision is not None and row.revision.revised is not None:
        before, after = row.raw.response, row.revision.revised.response
        signals[Signal.CHANGE] = min(1.0, word_distance(before, after) / max(1, len(before.split())))
    origin = row.provenance
    task_class = "" if row.task_class is None else row.task_class.value
    return Candidate(row.pair_id, row.raw, signals, task_class, origin.position.source, origin.timestamp)


def _write(
    candidates: list["Candidate"], wanted: _Wanted, folder: Path, overwrite: bool
) -> tuple[dict[str, Any], list[str]]:
    """The summary and the ids of the chosen, best first."""
    from coachlm.choosing.candidates import Signal
    from coachlm.choosing.quotas import Quota
    from coachlm.choosing.selection import choose
    from commands.run.selection_files import write_selection

    candidates.sort(key=lambda one: one.id)
    names = [Signal(name) for name in wanted.signals or _SIGNALS]
    present = [name for name in names if any(name in one.signals for one in candidates)]
    selection = choose(
        candidates,
        _vectors(candidates, wanted),
        wanted.count or len(candidates),
        weights=dict.fromkeys(present, 1.0),
        diversity=wanted.diversity if wanted.count else 0.0,
        quotas=[Quota.parse(text) for text in wanted.quotas],
        seed=wanted.seed,
    )
    chosen = [candidates[choice.index] for choice in selection.choices]
    summary: dict[str, Any] = {
        "candidates": len(candidates),
        "chosen": len(chosen),
        "signals": [name.value for name in present],
        "diversity": wanted.diversity,
        "compared_by": wanted.model or "words",
        "seed": wanted.seed,
        "quotas": list(wanted.quotas),
        "kept_out": selection.kept_out,
    }
    write_selection(folder, candidates, selection, summary, overwrite=overwrite)
    return summary, [one.id for one in chosen]


def _vectors(candidates: Sequence["Candidate"], wanted: _Wanted) -> "np.ndarray":
    import numpy as np

    from coachlm.choosing.vectors import word_vectors

    texts = [f"{one.pair.instruction}\n{one.pair.input}" for one in candidates]
    if not wanted.diversity or not wanted.count:
        return np.zeros((len(texts), 1), np.float32)
    if wanted.model is None:
        return word_vectors(texts)
    if problem := extras.MODELS.lack("sentence models need"):
        raise ModelError(problem)
    from reviser.sentences.encoder import SentenceEncoder

    return SentenceEncoder.load(wanted.model).encode(texts)
