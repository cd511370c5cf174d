"""Duplicates by meaning: linked while they wait, in order, and taken back as easily."""

import pytest

from coachlm.errors import NotFoundError
from coachlm.protocols.intake import IntakeBatch
from coachlm.status import Status
from storage.engine.database import Database
from storage.figures.recount import rebuild_rollups
from storage.intake.meaning_links import MeaningLink, MeaningLinks
from storage.intake.near_copies import NearCopies
from storage.intake.store import DatabaseStore
from storage.reading import StoreReader
from tests.storage.factories import make_intake, make_pair, make_revision, word_overlap


@pytest.fixture
def ids(database: Database) -> list[str]:
    store = DatabaseStore(database)
    store.commit_intake(IntakeBatch([make_intake(make_pair(number), number) for number in range(3)]))
    store.save_revisions([make_revision(make_pair(2))])
    return [make_pair(number).id for number in range(3)]


def statuses(database: Database) -> dict[str, tuple[Status, str | None]]:
    rows = StoreReader(database).dataset_rows(include_duplicates=True)
    return {row.pair_id: (row.status, row.duplicate_of) for row in rows}


def test_only_what_waits_is_linked_and_nothing_is_lost(database: Database, ids: list[str]) -> None:
    links = MeaningLinks(database)
    assert [one.waits for one in links.kept()] == [True, True, False]
    assert links.link([MeaningLink(ids[1], ids[0], "0.95: x"), MeaningLink(ids[2], ids[0], "0.99: x")]) == 1
    assert statuses(database)[ids[1]] == (Status.DUPLICATE, ids[0])
    assert statuses(database)[ids[2]] == (Status.REVISED, None)
    assert links.duplicates(5) == [MeaningLink(ids[1], ids[0], "meaning 0.95: x")]
    assert len(links.kept()) == 2
    assert rebuild_rollups(database) > 0


def test_links_are_taken_back(database: Database, ids: list[str]) -> None:
    links = MeaningLinks(database)
    links.link([MeaningLink(ids[1], ids[0], "0.95: x")])
    assert links.unlink() == 1
    assert statuses(database)[ids[1]] == (Status.ACCEPTED, None)
    assert links.unlink() == 0


def test_an_unknown_original_is_refused(database: Database, ids: list[str]) -> None:
    with pytest.raises(NotFoundError, match="compare the pairs again"):
        MeaningLinks(database).link([MeaningLink(ids[1], "unknown")])
    assert statuses(database)[ids[1]][0] is Status.ACCEPTED


def test_what_differs_from_the_original_is_stored(database: Database) -> None:
    near = NearCopies(word_overlap, lambda pair: pair.response, 0.1, lambda first, second: f"{first} → {second}")
    store = DatabaseStore(database, near)
    store.commit_intake(IntakeBatch([make_intake(make_pair(number), number, bands=(1,)) for number in range(2)]))
    copy = MeaningLinks(database).duplicates(5)[0]
    assert copy.original_id == make_pair(0).id
    assert copy.detail == f"{make_pair(0).response} → {make_pair(1).response}"
