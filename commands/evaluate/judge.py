"""`evaluate judge`: two sets of responses compared by judges, both ways round."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.data_sets import json_line, lines_writer, pairs_only, public_folder, read_questions, source_name
from assembly.judges import check_judges, named_judges
from coachlm.desk.dataset import TextChoice
from coachlm.errors import InputError
from commands.evaluate.judge_options import (
    agree_to,
    check_usable,
    estimate_comparisons,
    estimate_line,
    judge_settings,
    questions_option,
    say_worth,
    server_messages,
    server_options,
    show_messages,
    spending_line,
)
from commands.evaluate.verdicts_shown import show_recorded, show_verdicts, write_verdicts
from commands.shared.output import answering_errors, emit_json, json_option, people, results
from commands.shared.progress import progress_display

if TYPE_CHECKING:
    from evaluation.judges.judging import Comparison, Judge
    from evaluation.judges.run import Judged, JudgedSet
    from evaluation.judges.servers.openai import OpenAIJudge

_text = click.Choice([choice.value for choice in TextChoice])


@click.command()
@click.argument("candidate")
@click.argument("reference", required=False)
@click.option(
    "--judge",
    "names",
    multiple=True,
    help="server, model:FOLDER, likeness, likeness-length-free or longer; no default; may be repeated.",
)
@questions_option
@click.option("--match", "matching", type=click.Choice(["request", "rows"]), default="request", show_default=True)
@click.option(
    "--text-candidate",
    type=_text,
    default="final",
    show_default=True,
    help="Which text to read if CANDIDATE is a database.",
)
@click.option(
    "--text-reference",
    type=_text,
    default="raw",
    show_default=True,
    help="Which text to read if REFERENCE is a database.",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most this many comparisons.")
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write every verdict to this file (JSON lines)."
)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page.")
@server_options
@json_option
@answering_errors
def judge(
    candidate: str,
    reference: str | None,
    names: tuple[str, ...],
    output: Path | None,
    html: Path | None,
    as_json: bool,
    *,
    seed: int,
    yes: bool,
    only_estimate: bool,
    **options: Any,
) -> None:
    """Compare the responses of two models to the same requests.

    Of CANDIDATE and REFERENCE: WR1, WR2, QS, and the judges' biases.

    REFERENCE is a data set or a registered test set (coachlm evaluate sets). Each comparison is judged both ways round
    and merged by the paper's rules; what failed either way is counted and in no rate.

    Without REFERENCE, CANDIDATE is a file of judgements that AlpacaEval, Arena-Hard, MT-Bench, Arena, PandaLM or a
    Vicuna review recorded: nothing is asked.
    """
    if reference is None:
        show_recorded(Path(candidate), seed, html, as_json=as_json)
        return
    settings = judge_settings(options)
    check_judges(names, settings)
    say_worth(names, as_json=as_json)
    comparisons, left_out = _comparisons(candidate, reference, options)
    with named_judges(names, settings) as judges:
        expected = estimate_comparisons(judges, comparisons)
        if expected is not None:
            if only_estimate:
                emit_json(asdict(expected)) if as_json else results().print(estimate_line(expected))
                return
            agree_to(expected, yes=yes, as_json=as_json)
        judged = {each.name: _judged(each, comparisons, show=not as_json) for each in judges}
        spending = {each.name: spent for each in judges if (spent := getattr(each, "spending", None)) is not None}
    found = _sets(comparisons, judged, seed, reference)
    _keep(output, comparisons, judged, judges)
    answer = _answer(found, judged, left_out, seed) | {"spending": {name: asdict(s) for name, s in spending.items()}}
    answer |= _made_of((candidate, reference), comparisons, judges)
    if html is not None:
        write_verdicts(found, answer, html)
    if as_json:
        emit_json(answer)
    else:
        show_verdicts(found, answer)
        for name, spent in spending.items():
            people.print(f"{name}: {spending_line(spent)}", markup=False)
    show_messages(judges)
    check_usable({each.judge: each.comparisons - each.rates.failed for each in found})
    if not all(each.complete for each in found):
        people.print("not all could be asked; run the same command again to continue where it stopped")
        raise SystemExit(1)


def _comparisons(candidate: str, reference: str, options: dict[str, Any]) -> "tuple[list[Comparison], dict[str, int]]":
    """Comparisons, and what stands in one set alone."""
    from evaluation.judges.judging import Comparison
    from evaluation.sets.matching import Dropped, Matching, match_pairs
    from evaluation.sets.registry import TEST_SETS
    from evaluation.sets.test_sets import load_test_set

    questions = read_questions(options["questions"])
    answers = pairs_only(candidate, TextChoice(options["text_candidate"]), questions)
    if reference in TEST_SETS:
        expected = load_test_set(reference, public_folder())
    else:
        expected = pairs_only(reference, TextChoice(options["text_reference"]), questions)
    found: list[Comparison] = []
    alone = {"candidate": 0, "reference": 0}
    for one, other in match_pairs(answers, expected, Matching(options["matching"]), Dropped()):
        if one is not None and other is not None:
            found.append(Comparison(one.instruction, one.input, one.response, other.response))
        else:
            alone["reference" if one is None else "candidate"] += 1
    if not found:
        raise InputError(f"{candidate} and {reference} have no request in common; --match rows goes by rows instead")
    return found[: options["limit"]], alone


def _judged(judge: "Judge", comparisons: "list[Comparison]", *, show: bool) -> "Judged":
    from evaluation.judges.run import judge_all

    with progress_display(show) as display:
        task = display.add_task("judge", total=len(comparisons), items=0, unit="comparisons", line=judge.name)
        return judge_all(judge, comparisons, lambda count: display.advance(task, count))


def _sets(comparisons: "list[Comparison]", judged: "dict[str, Judged]", seed: int, reference: str) -> "list[JudgedSet]":
    from evaluation.judges.run import judged_set
    from evaluation.sets.registry import TEST_SETS
    from evaluation.sets.set_categories import set_categories

    categories = set_categories(reference, public_folder() if reference in TEST_SETS else None)
    return [judged_set(name, comparisons, each, seed=seed, categories=categories) for name, each in judged.items()]


def _made_of(names: tuple[str, str], comparisons: "list[Comparison]", judges: "list[Judge]") -> dict[str, Any]:
    """Both sides as they were compared, and who judged them."""
    from evaluation.judges.prompts import PROMPT_VERSION
    from evaluation.report.provenance import provenance, set_facts

    sides = zip(*(each.sides for each in comparisons), strict=True)
    facts = [set_facts(source_name(name), side) for name, side in zip(names, sides, strict=True)]
    spent = [(each.name, getattr(each, "spending", None)) for each in judges]
    return {"made_of": provenance(facts, spent, PROMPT_VERSION), "server_messages": server_messages(judges)}


def _keep(
    output: Path | None, comparisons: "list[Comparison]", judged: "dict[str, Judged]", judges: "list[Judge]"
) -> None:
    """Verdicts, and from judges behind a server the scores and reasons that they come from."""
    from evaluation.judges.servers.openai import OpenAIJudge

    explaining = [each for each in judges if isinstance(each, OpenAIJudge)]
    with lines_writer(output) as write:
        for number, comparison in enumerate(comparisons):
            both = {name: each.judgements[number] for name, each in judged.items()}
            verdicts = {name: asdict(each) | {"merged": each.merged} for name, each in both.items()}
            answers = {each.name: _both_answers(each, comparison) for each in explaining}
            write(json_line({**asdict(comparison), "verdicts": verdicts, "answers": answers}))


def _both_answers(judge: "OpenAIJudge", comparison: "Comparison") -> dict[str, Any]:
    first, second = judge.answer_to(comparison), judge.answer_to(comparison.swapped())
    return {
        "shown_first": first and {"candidate": first.first, "reference": first.second, "reason": first.reason},
        "shown_second": second and {"candidate": second.second, "reference": second.first, "reason": second.reason},
    }


def _answer(
    found: "list[JudgedSet]", judged: "dict[str, Judged]", left_out: dict[str, int], seed: int
) -> dict[str, Any]:
    from evaluation.judges.panel import panel
    from evaluation.judges.run import judges_agree

    together = panel(judged, seed)
    return {
        "judges": [asdict(each) for each in found],
        "judges_agree": judges_agree(judged),
        "panel": together and asdict(together),
        "in_one_set_only": left_out,
    }
