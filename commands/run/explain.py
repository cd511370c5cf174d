"""`explain`: why intake decided as it did about a pair."""

from typing import TYPE_CHECKING, Any

import click

from assembly.stores import database_option, open_database
from coachlm.settings import Settings, load_settings
from commands.shared.output import answering_errors, emit_json, json_option, results, terminal_safe

if TYPE_CHECKING:
    from storage.pairs.verdicts import Verdict


@click.command()
@click.argument("pair")
@database_option
@json_option
@answering_errors
def explain(pair: str, db: str | None, as_json: bool) -> None:
    """Say why intake decided so about a pair.

    Which rule or model, which words of the pair, and which threshold. PAIR is an id from the queue, the desk or an
    export. Words and probabilities are found anew by this version's rules and the settings in force.
    """
    from storage.pairs.verdicts import read_verdict

    settings = load_settings(database_url=db)
    with open_database(settings) as database, database.reading() as connection:
        verdict = read_verdict(connection, pair)
    answer = {"pair": pair, **explained(verdict, settings)}
    if as_json:
        emit_json(answer)
        return
    out = results()
    for name, value in answer.items():
        if value not in (None, [], ""):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            out.print(f"{name.replace('_', ' ')}: {terminal_safe(shown)}", markup=False)


def explained(verdict: "Verdict", settings: Settings) -> dict[str, Any]:
    """What is stored of the verdict, and what the rules and models say of the same pair now."""
    from coachlm.text.filters import PreliminaryFilter
    from coachlm.text.opinion import SecondOpinion

    judge, model, limits = PreliminaryFilter.from_settings(settings), SecondOpinion.load(), settings.filters
    pair, exclusion = verdict.pair, verdict.exclusion
    earlier = [message.text for message in pair.context.messages] if pair.context else []
    now = judge.check(pair, language=verdict.language)
    return {
        "status": verdict.status.value,
        "reason": exclusion and exclusion.reason.value,
        "rule": exclusion and exclusion.detail,
        "words": judge.words_behind(pair, exclusion, verdict.language) if exclusion else [],
        "near_copy_of": verdict.near_copy_of,
        "near_copy_threshold": settings.intake.near_duplicate_similarity if verdict.near_copy_of else None,
        "language": verdict.language,
        "task_class": verdict.task_class and verdict.task_class.value,
        "class_probability": round(verdict.class_confidence, 3) if verdict.task_class else None,
        "unsafe_probability": round(max(map(model.unsafe, (*pair.texts, *earlier))), 3),
        "unsafe_threshold": limits.unsafe_probability,
        "refusal_probability": round(model.refusal(pair.response), 3),
        "refusal_threshold": limits.refusal_probability,
        "today": f"{now.reason.value}: {now.detail}" if now else "accepted",
    }
