"""The demo's logs hold what their description promises: every format, reason and kind of personal data, and copies."""

from collections import Counter
from pathlib import Path

import pytest

from assembly.stores import build_store, open_database
from coachlm.desk.dataset import DatasetRow, FlowCounts
from coachlm.pairs import ExcludeReason, RejectReason, TaskClass
from coachlm.settings import load_settings
from coachlm.status import Status
from storage.reading import StoreReader
from streams.reading.runner import run_intake

SAMPLES = Path(__file__).parents[2] / "coachlm" / "data" / "sample_logs"


@pytest.fixture(scope="module")
def taken_in(tmp_path_factory) -> tuple[FlowCounts, list[DatasetRow], int]:
    """Flow counts, all rows, and how many records were read."""
    url = f"sqlite:///{tmp_path_factory.mktemp('samples') / 'coachlm.db'}"
    settings = load_settings(database_url=url, intake_processes=1)
    read: list[int] = []
    with open_database(settings) as database:
        store = build_store(database, settings)
        run_intake((str(SAMPLES),), store, settings, b"salt", None, lambda _, records, *__: read.append(records))
        reader = StoreReader(database)
        return reader.flow_counts(), list(reader.dataset_rows(statuses=Status)), sum(read)


def test_every_format_gives_what_it_was_written_for(taken_in):
    counts, _, records = taken_in
    assert records == 118
    assert counts.occurrences_by_format == {
        "alpaca": 21,
        "anthropic": 11,
        "chat": 12,
        "langfuse": 8,
        "litellm": 9,
        "openai_batch": 8,
        "openai_chat": 11,
        "otel_genai": 7,
        "sharegpt": 11,
    }


def test_every_reject_reason_occurs(taken_in):
    counts, _, _ = taken_in
    not_in_samples = {RejectReason.TOO_LONG, RejectReason.NOT_CHOSEN}
    assert counts.rejects_by_reason.keys() == set(RejectReason) - not_in_samples
    assert sum(counts.rejects_by_reason.values()) == 22


def test_every_reason_to_exclude_occurs(taken_in):
    counts, _, _ = taken_in
    not_in_samples = {ExcludeReason.TOO_LONG, ExcludeReason.MARKED_BAD, ExcludeReason.MANUAL}
    assert counts.excluded_by_reason.keys() == set(ExcludeReason) - not_in_samples


def test_copies_are_found_and_the_rest_is_kept(taken_in):
    counts, rows, _ = taken_in
    assert counts.exact_duplicates == 2
    assert {row.raw.instruction for row in rows if row.status is Status.DUPLICATE} == {
        "How do I keep my chain clean?",
        "Why is the sky blue?",
    }
    assert counts.by_status[Status.ACCEPTED] == 81
    assert counts.by_class.keys() == set(TaskClass)


def test_no_personal_data_is_left(taken_in):
    counts, rows, _ = taken_in
    kinds = Counter(counts.redactions_by_kind)
    assert {"EMAIL", "PHONE", "CREDIT_CARD", "IBAN", "IP_ADDRESS", "SECRET"} <= kinds.keys()
    everything = "\n".join(f"{row.raw} {row.provenance}" for row in rows)
    for original in ("@example", "555-01", "4012", "DE89", "192.0.2", "sk-FAKE", "employee-", "gardener-"):
        assert original not in everything
