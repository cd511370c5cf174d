"""Rejects are kept with an excerpt, and found again by place, reason and source."""

from dataclasses import replace

import pytest

from coachlm.errors import InputError, NotFoundError
from coachlm.pairs import Position, Reject, RejectReason
from coachlm.protocols.intake import IntakeBatch
from storage.engine.database import Database
from storage.intake.rejects import RejectChoice, Rejects
from storage.intake.store import DatabaseStore
from tests.storage.factories import SOURCE, make_reject

OTHER = "logs/100%_other.jsonl"


@pytest.fixture
def rejects(database: Database) -> Rejects:
    """Five of one file, two of them of one record, and one of another file."""
    own = [make_reject(number) for number in range(4)]
    empty = replace(make_reject(2, RejectReason.EMPTY), excerpt="how it\nbegins \x00\ud800")
    further = Reject(Position(SOURCE, 2, -7), RejectReason.MALFORMED_JSON, "expected a comma")
    other = Reject(Position(OTHER, 0), RejectReason.EMPTY, "a blank record")
    DatabaseStore(database).commit_intake(IntakeBatch(rejects=[other, *own, empty, further]))
    return Rejects(database)


def places(rejects: Rejects, choice: RejectChoice, limit: int = 50) -> list[str]:
    found, after = [], None
    while True:
        page = rejects.page(choice, after=after, limit=limit)
        assert len(page.rejects) <= limit
        found += [one.place for one in page.rejects]
        if page.next is None:
            return found
        after = page.next


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_pages_hold_each_reject_once_in_order(rejects: Rejects, limit: int):
    own = places(rejects, RejectChoice(source="chat"), limit)
    assert own == [f"{SOURCE}:{line}" for line in (1, 2, 3, 3, 3, 4)]
    assert sorted(places(rejects, RejectChoice(), limit)) == sorted([*own, f"{OTHER}:1"])
    empty = places(rejects, RejectChoice(RejectReason.EMPTY), limit)
    assert sorted(empty) == sorted([f"{SOURCE}:3", f"{OTHER}:1"])
    assert len(list(rejects.each(RejectChoice()))) == 7


def test_a_source_is_found_by_a_part_of_its_name_to_the_letter(rejects: Rejects):
    assert places(rejects, RejectChoice(source="0%_")) == [f"{OTHER}:1"]
    assert places(rejects, RejectChoice(source="%")) == [f"{OTHER}:1"]
    assert places(rejects, RejectChoice(format="openai_chat", reason=RejectReason.EMPTY)) == [f"{SOURCE}:3"]


def test_one_record_has_all_that_was_said_of_it(rejects: Rejects):
    found = rejects.of_record(SOURCE, 2)
    assert [(one.part, one.reason) for one in found] == [
        (-7, RejectReason.MALFORMED_JSON),
        (0, RejectReason.EMPTY),
        (0, RejectReason.MALFORMED_JSON),
    ]
    assert found[1].excerpt == "how it\nbegins \x00\ud800"
    for record in (99, -1, 2**80):
        with pytest.raises(NotFoundError, match="rejects list"):
            rejects.of_record(SOURCE, record)


def test_reasons_are_counted(rejects: Rejects):
    assert list(rejects.counts().items()) == [(RejectReason.MALFORMED_JSON, 5), (RejectReason.EMPTY, 2)]


@pytest.mark.parametrize("after", ["", "1", "1:2:3", "1:2:3:odd", "a:b:c:empty", f"{2**70}:0:0:empty", "1:2:3:empty:5"])
def test_a_page_begins_where_a_page_has_ended(rejects: Rejects, after: str):
    with pytest.raises(InputError, match="begin without"):
        rejects.page(RejectChoice(), after=after)
