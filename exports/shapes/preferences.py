"""Which answers are preferred to which others, and which are wanted or not."""

from collections.abc import Iterator
from dataclasses import dataclass

from coachlm.desk.dataset import DatasetRow
from coachlm.desk.studies import RatedVersions
from coachlm.digests import normalise_text
from coachlm.pairs import ExcludeReason, InstructionPair
from coachlm.revision import Outcome
from coachlm.status import Status
from exports.choices.export_formats import LABELLED, Rejected
from exports.choices.export_options import ExportOptions
from exports.shapes.conversations import is_edited

NO_OTHER = "no other answer"
ANOTHER_QUESTION = "the question was edited"
NO_VERDICT = "nobody says whether the answer is wanted"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two answers; the question and what was said before are the preferred one's."""

    chosen: InstructionPair
    rejected: str
    source: Rejected


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer in its context, and whether it is wanted; `source`: who says so, where it is not."""

    pair: InstructionPair
    wanted: bool
    source: Rejected | None = None


def is_marked_bad(row: DatasetRow, options: ExportOptions) -> bool:
    """Whether an excluded pair counts all the same, as an answer that is not wanted."""
    bad = row.status is Status.EXCLUDED and row.exclude_reason is ExcludeReason.MARKED_BAD
    return bad and options.format in LABELLED and Rejected.LOG in options.losers


def comparisons(row: DatasetRow, options: ExportOptions) -> list[Comparison] | str:
    """All that the options ask for, each losing text once; or why there is none."""
    chosen = row.text(options.text)
    if not chosen.response.strip():
        return NO_OTHER
    others = [other for other in _others(row, options) if other[0].strip()]
    seen = {normalise_text(chosen.response)}
    found: list[Comparison] = []
    refused = False
    for text, question, source in others:
        if (said := normalise_text(text)) in seen:
            continue
        if options.same_question and question is not None and not _asks_the_same(question, chosen):
            refused = True
            continue
        seen.add(said)
        found.append(Comparison(chosen, text, source))
    return found or (ANOTHER_QUESTION if refused else NO_OTHER)


def verdicts(row: DatasetRow, options: ExportOptions) -> list[Verdict] | str:
    if is_marked_bad(row, options):
        return [Verdict(row.raw.within(row.context(options.text)), False, Rejected.LOG)]
    compared = comparisons(row, options)
    found = [] if isinstance(compared, str) else [_loser(each) for each in compared]
    text = row.text(options.text)
    if text.response.strip() and _is_wanted(row, options):
        found.insert(0, Verdict(text, True))
    return found or NO_VERDICT


def rated_comparisons(rated: RatedVersions, options: ExportOptions) -> list[Comparison]:
    """The version that raters liked best against the one that they liked least."""
    ranked = sorted(rated.versions, key=lambda version: -version[1])
    if len(ranked) < 2 or ranked[0][1] <= ranked[-1][1]:
        return []
    best, worst = ranked[0][0], ranked[-1][0]
    same_words = normalise_text(best.response) == normalise_text(worst.response)
    if same_words or (options.same_question and not _asks_the_same(worst, best)):
        return []
    return [Comparison(best, worst.response, Rejected.RATINGS)]


def rated_verdicts(rated: RatedVersions, options: ExportOptions) -> list[Verdict]:
    return [
        verdict for each in rated_comparisons(rated, options) for verdict in (Verdict(each.chosen, True), _loser(each))
    ]


def _loser(compared: Comparison) -> Verdict:
    chosen = compared.chosen
    pair = InstructionPair(chosen.instruction, chosen.input, compared.rejected, chosen.context)
    return Verdict(pair, False, compared.source)


def _others(row: DatasetRow, options: ExportOptions) -> Iterator[tuple[str, InstructionPair | None, Rejected]]:
    """Texts, each with the pair whose answer it is, where that may have another question."""
    if Rejected.RAW in options.losers:
        yield row.raw.response, row.raw, Rejected.RAW
    revision = row.revision
    if Rejected.COACH in options.losers and revision is not None and revision.outcome is Outcome.REVISED:
        yield revision.revised.response, revision.revised, Rejected.COACH
    lost = row.provenance.extra.get("rejected")
    if Rejected.LOG in options.losers and isinstance(lost, list):
        yield from ((text, row.raw, Rejected.LOG) for text in lost if isinstance(text, str))


def _asks_the_same(first: InstructionPair, second: InstructionPair) -> bool:
    return all(normalise_text(a) == normalise_text(b) for a, b in zip(first.texts[:2], second.texts[:2], strict=True))


def _is_wanted(row: DatasetRow, options: ExportOptions) -> bool:
    confirmed = row.status is Status.APPROVED or row.provenance.extra.get("mark") == "good"
    return confirmed or is_edited(row, options.text)
