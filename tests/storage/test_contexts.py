"""Contexts: stored once a conversation, read back as they were, part of a pair's identity."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select, text

from coachlm.context import Context, ContextMessage, Role, ToolCall
from coachlm.desk.dataset import TextChoice
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.protocols.intake import IntakeBatch
from storage.engine.database import Database
from storage.intake.store import DatabaseStore
from storage.pairs.revision_claims import RevisionClaims
from storage.reading import StoreReader
from storage.tables.contexts import ContextRow
from tests.storage.conversations import SYSTEM, answer, context_before, make_conversation, make_turn, question
from tests.storage.factories import Clock, Desk, make_edit, make_intake, make_revision


def stored(database: Database) -> list[InstructionPair]:
    return [row.raw for row in StoreReader(database).dataset_rows()]


def context_rows(database: Database) -> int:
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(ContextRow)) or 0


def test_turns_come_back_in_their_contexts_with_their_ids(database: Database):
    items = make_conversation(5)
    DatabaseStore(database).commit_intake(IntakeBatch(items))
    pairs = stored(database)
    assert [pair.context for pair in pairs] == [context_before(turn) for turn in range(1, 6)]
    rows = list(StoreReader(database).dataset_rows())
    assert [row.pair_id for row in rows] == [item.sourced.pair.id for item in items] == [pair.id for pair in pairs]
    assert [(row.provenance.conversation, row.provenance.turn) for row in rows] == [
        ("c" * 32, turn) for turn in range(1, 6)
    ]


def test_a_conversation_is_stored_once_however_its_turns_come_in(database: Database):
    store = DatabaseStore(database)
    items = make_conversation(4)
    for length in range(1, 5):  # a log of calls repeats all that was said before
        store.commit_intake(IntakeBatch([replace_record(item, length) for item in items[:length]]))
    assert [pair.context for pair in stored(database)] == [context_before(turn) for turn in range(1, 5)]
    with database.reading() as connection:
        bodies = connection.scalar(select(func.sum(func.length(ContextRow.body)))) or 0
    assert context_rows(database) == 4  # the system prompt, and what each of three calls added
    assert bodies < 600


def replace_record(item, record: int):
    origin = item.sourced.provenance
    place = replace(origin.position, record=record)
    return replace(item, sourced=replace(item.sourced, provenance=replace(origin, position=place)))


def test_conversations_share_their_system_prompt_and_nothing_else(database: Database):
    pairs = [
        make_turn(1),
        make_turn(2),
        InstructionPair("Else?", "", "Yes.", Context(SYSTEM, (ContextMessage(Role.USER, "Hi"),))),
        InstructionPair("Else?", "", "Yes.", Context("", (ContextMessage(Role.USER, "Hi"),))),
        InstructionPair("Alone?", "", "Yes."),
    ]
    DatabaseStore(database).commit_intake(IntakeBatch([make_intake(pair, n) for n, pair in enumerate(pairs)]))
    found = stored(database)
    assert [(pair, pair.context) for pair in found] == [(pair, pair.context) for pair in pairs]
    assert context_rows(database) == 4


def test_steps_tools_and_documents_come_back(database: Database):
    call = ContextMessage(Role.ASSISTANT, "", (ToolCall("clock", '{"city": "Lima\x00\ud83d"}'),))
    result = ContextMessage(Role.TOOL, "14:05", name="clock")
    context = Context("", (ContextMessage(Role.SYSTEM, "later"),), (call, result), ("clock",), ("a.pdf",))
    pair = InstructionPair("Time?", "now", "Five past two.", context)
    DatabaseStore(database).commit_intake(IntakeBatch([make_intake(pair)]))
    assert stored(database)[0].context == context
    assert stored(database)[0].id == pair.id


def test_a_first_turn_that_was_met_alone_joins_its_conversation(database: Database):
    store = DatabaseStore(database)
    first = make_turn(1)
    store.commit_intake(IntakeBatch([make_intake(first, 0, task_class=TaskClass.CREATIVE)]))
    store.commit_intake(IntakeBatch(make_conversation(2, record=1, classes=(TaskClass.CREATIVE, TaskClass.QA))))
    rows = list(StoreReader(database).dataset_rows())
    assert [row.provenance.turn for row in rows] == [1, 2]
    assert rows[0].provenance.conversation == rows[1].provenance.conversation
    assert [row.task_class for row in rows] == [TaskClass.CREATIVE, TaskClass.CREATIVE]


def test_one_unit_works_on_all_turns(database: Database):
    classes = (TaskClass.QA, TaskClass.CREATIVE, TaskClass.CREATIVE)
    DatabaseStore(database).commit_intake(IntakeBatch(make_conversation(3, classes=classes)))
    assert {row.task_class for row in StoreReader(database).dataset_rows()} == {TaskClass.CREATIVE}


@pytest.mark.parametrize("door", ["store", "claims"])
def test_the_coach_gets_pairs_in_their_contexts(database: Database, door: str):
    store = DatabaseStore(database)
    store.commit_intake(IntakeBatch(make_conversation(3)))
    if door == "store":
        waiting = store.awaiting_revision(10)
    else:
        waiting = [(claimed.id, claimed.raw) for claimed in RevisionClaims(database).claim("w", 10)]
    assert [pair.context for _, pair in waiting] == [context_before(turn) for turn in range(1, 4)]
    assert all(pair.id == pair_id for pair_id, pair in waiting)


def test_later_turns_are_told_with_the_final_texts_of_earlier_ones(database: Database, clock: Clock):
    store = DatabaseStore(database, now=clock)
    store.commit_intake(IntakeBatch(make_conversation(3)))
    store.save_revisions([make_revision(make_turn(turn)) for turn in range(1, 4)])
    desk = Desk(database, clock)
    first = desk.claim()
    final = InstructionPair("What is it, matey?", "", "A parrot.")
    edit = make_edit(first.pair_id, final=final)
    desk.queue.submit(edit, token=first.token, version=first.version, idempotency_key="k")

    second = desk.claim()
    assert second.background.turn == 2
    assert second.background.model == "m"
    assert second.background.context == Context(
        SYSTEM, (ContextMessage(Role.USER, final.instruction), ContextMessage(Role.ASSISTANT, final.response))
    )
    row = list(StoreReader(database).dataset_rows())[2]
    told = row.text(TextChoice.FINAL).context
    assert told is not None
    assert [message.text for message in told.messages] == [
        final.instruction,
        final.response,
        question(2),
        f"{answer(2)} Gladly.",
    ]
    assert row.text(TextChoice.RAW).context == context_before(3)


def test_databases_of_the_first_release_keep_pairs_and_ids(databases):
    from alembic import command
    from alembic.config import Config

    from storage.engine import schema
    from storage.engine.database import open_database

    database = open_database(databases.new(migrated=False))
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    config.set_main_option("path_separator", "os")
    old = InstructionPair("And the tavern?", "User: Where is the harbour?\nAssistant: West.", "Beside it.")
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        for name, value in (("application", "coachlm"), ("intake", ""), ("hash_salt", "s")):
            connection.execute(text("INSERT INTO meta VALUES (:name, :value)"), {"name": name, "value": value})
        connection.execute(
            text("INSERT INTO texts VALUES (1, :hash, 'log'), (2, :other, 'Be a pirate.')"),
            {"hash": "1" * 32, "other": "2" * 32},
        )
        connection.execute(
            text("INSERT INTO pairs VALUES (1, :id, :i, :x, :r, 'accepted', 1, 'qa', 0.9, NULL, NULL, NULL, NULL, 5)"),
            {"id": old.id, "i": old.instruction, "x": old.input, "r": old.response},
        )
        connection.execute(
            text(
                "INSERT INTO occurrences (source, record, part, pair, is_repeat, format, system_prompt) "
                "VALUES (1, 0, 1, 1, :no, 'chat', 2)"
            ),
            {"no": False},
        )
    schema.upgrade(database)
    (row,) = StoreReader(database).dataset_rows()
    assert (row.raw, row.pair_id, row.raw.context) == (old, old.id, None)
    assert row.provenance.system_prompt == "Be a pirate."
    store = DatabaseStore(database)
    assert store.save_revisions([make_revision(old)]) == 1
    store.commit_intake(IntakeBatch(make_conversation(2, record=7)))
    assert [one.context for one in stored(database)] == [None, context_before(1), context_before(2)]
    database.close()
