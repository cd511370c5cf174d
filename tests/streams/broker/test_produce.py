"""Producing without a broker: what goes into which message, and what a run that was killed sends again."""

import gzip
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coachlm.errors import InputError, StreamError
from coachlm.settings import load_settings
from streams.broker.producing import produce
from streams.broker.producing.produce import ProduceCounts, Production
from streams.broker.producing.raw_producer import RawMessage
from streams.broker.producing.resume import ResumeFile, ranges
from streams.broker.wire.raw_messages import FILE_HEADER, FORMAT_HEADER, RECORD_HEADER, raw_records
from tests.streams.broker.halves import chunks, request, response
from tests.streams.broker.messages import chat_bytes, raw

SETTINGS = load_settings()  # type: ignore[call-arg]


class Killed(BaseException):
    """The process ends here; nothing after it happens."""


class FakeOutlet:
    """Keeps what is sent; ends the run at the `kill_at`-th send or acknowledgement; refuses what is over `limit`."""

    def __init__(self, kill_at: int = -1, limit: int = 1_000_000) -> None:
        self.sent: list[RawMessage] = []
        self.events = 0
        self.kill_at = kill_at
        self.limit = limit

    def send(self, message: RawMessage) -> Callable[[], str]:
        self._event()
        if len(message.value) > self.limit:
            return lambda: "too_long: over the limit"
        self.sent.append(message)

        def acknowledged() -> str:
            self._event()
            return ""

        return acknowledged

    @property
    def values(self) -> Counter[bytes]:
        return Counter(message.value for message in self.sent)

    def _event(self) -> None:
        self.events += 1
        if self.events == self.kill_at:
            raise Killed


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acknowledgements are waited for after every fourth message, whatever the clock says."""
    monkeypatch.setattr(produce, "_MESSAGES", 4)
    monkeypatch.setattr(produce, "_SECONDS", 1e9)


def run(outlet: FakeOutlet, resume: Path | None, *paths: Path | str, format: str | None = None) -> ProduceCounts:
    file = ResumeFile(resume, "cluster/logs.raw")
    try:
        return Production(outlet, file, SETTINGS, format, lambda *_: None).run([str(path) for path in paths])
    finally:
        file.close()


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def test_records_travel_as_they_are_with_their_origin(tmp_path: Path) -> None:
    odd = [b'{"a" :  1 }', b"{broken", b'{"text": "\xff"}']
    log = write(tmp_path / "log.jsonl", *map(chat_bytes, range(3)), *odd)
    outlet = FakeOutlet()
    counts = run(outlet, None, log, format="chat")
    assert [message.value for message in outlet.sent] == [*map(chat_bytes, range(3)), *odd]
    assert (counts.records, counts.sent, counts.messages) == (6, 6, 6)
    headers = dict(outlet.sent[2].headers)
    assert headers == {FILE_HEADER: str(log).encode(), RECORD_HEADER: b"2", FORMAT_HEADER: b"chat"}
    assert len({message.key for message in outlet.sent}) == 6
    again = FakeOutlet()
    run(again, None, log)
    assert [message.key for message in again.sent] == [message.key for message in outlet.sent]


def test_what_belongs_together_is_one_message_with_a_record_on_each_line(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", request(1), chat_bytes(1), *chunks(7), request(2))
    second = write(tmp_path / "b.jsonl", response(1), response(3))
    outlet = FakeOutlet()
    counts = run(outlet, None, first, second)
    joined = [b"\n".join([request(1), response(1)]), b"\n".join(chunks(7))]
    assert outlet.values == Counter([chat_bytes(1), *joined, request(2), response(3)])
    assert (counts.records, counts.sent, counts.waiting) == (9, 9, 2)
    for value in joined:
        assert len(raw_records(raw(0, value), 1_000_000)) == value.count(b"\n") + 1


def test_records_over_several_lines_are_joined_on_one_line_each(tmp_path: Path) -> None:
    wide = [json.dumps(json.loads(record), indent=2) for record in (request(1), response(1))]
    log = tmp_path / "log.json"
    log.write_text("\n".join(wide))
    outlet = FakeOutlet()
    run(outlet, None, log)
    (message,) = outlet.sent
    assert [json.loads(line) for line in message.value.split(b"\n")] == [json.loads(text) for text in wide]


def test_tables_compressed_files_and_yaml_become_json(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("instruction,output\nName a hill.,Long Man\n")
    (tmp_path / "y.yaml").write_text("- instruction: Name a day.\n  output: Monday\n  when: 2026-01-02\n")
    (tmp_path / "z.jsonl.gz").write_bytes(gzip.compress(chat_bytes(4)))
    outlet = FakeOutlet()
    run(outlet, None, tmp_path)
    table, document, chat = (json.loads(message.value) for message in outlet.sent)
    assert table["instruction"] == "Name a hill."
    assert document["when"] == "2026-01-02"
    assert chat == json.loads(chat_bytes(4))


def test_a_second_run_sends_nothing_and_a_grown_file_its_end(tmp_path: Path) -> None:
    resume = tmp_path / "resume.json"
    log = write(tmp_path / "log.jsonl", *map(chat_bytes, range(9)))
    run(FakeOutlet(), resume, log)
    again = FakeOutlet()
    assert run(again, resume, log).skipped == 1
    assert not again.sent
    write(log, *map(chat_bytes, range(12)))
    grown = FakeOutlet()
    run(grown, resume, log)
    assert grown.values == Counter(map(chat_bytes, range(8, 12)))  # record 8 may have been cut short


def test_another_destination_gets_everything(tmp_path: Path) -> None:
    resume = tmp_path / "resume.json"
    log = write(tmp_path / "log.jsonl", chat_bytes(1))
    run(FakeOutlet(), resume, log)
    file = ResumeFile(resume, "another cluster/logs.raw")
    assert file.progress(str(log)) is None
    file.save()
    file.close()
    assert run(FakeOutlet(), resume, log).skipped == 1


def test_a_half_is_told_once_and_still_joins_in_a_later_run(tmp_path: Path) -> None:
    resume = tmp_path / "resume.json"
    first = write(tmp_path / "a.jsonl", request(1), request(2), chat_bytes(1))
    second = write(tmp_path / "b.jsonl", response(2), response(3))
    outlet = FakeOutlet()
    run(outlet, resume, first)
    run(outlet, resume, second)
    assert outlet.values == Counter([request(1), request(2), chat_bytes(1), response(2), response(3)])
    later = FakeOutlet()
    run(later, resume, first, second)
    assert later.values == Counter([b"\n".join([request(2), response(2)])])
    once_more = FakeOutlet()
    run(once_more, resume, second, first)
    assert not once_more.sent


_LINES = [
    *(chat_bytes(number) for number in range(6)),
    *chunks(1),
    request(1),
    request(2),
    request(3),
    chat_bytes(50),
    *chunks(2),
    chat_bytes(51),
    b"{broken",
    response(3),
    request(9),
]
_OTHERS = [response(1), chat_bytes(60), response(2), response(8), *map(chat_bytes, range(70, 75))]


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(st.integers(1, 60), max_size=5))
def test_a_run_that_is_killed_anywhere_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, kills: list[int]
) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path_factory.getbasetemp()))
    paths = [write(folder / "a.jsonl", *_LINES), write(folder / "b.jsonl", *_OTHERS)]
    whole = FakeOutlet()
    run(whole, None, *paths)
    sent: Counter[bytes] = Counter()
    killed = 0
    for kill_at in [*kills, -1]:
        outlet = FakeOutlet(kill_at)
        try:
            run(outlet, folder / "resume.json", *paths)
        except Killed:
            killed += 1
        sent += outlet.values
    assert sent.keys() == whole.values.keys()
    assert (sent - whole.values).total() <= 7 * killed  # four in flight, and the halves that end the run


def test_what_the_broker_never_takes_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    long = json.dumps({"messages": "x" * 3_000}).encode()
    log = write(tmp_path / "log.jsonl", chat_bytes(1), long, chat_bytes(2))
    outlet = FakeOutlet(limit=2_000)
    counts = run(outlet, tmp_path / "resume.json", log)
    assert outlet.values == Counter([chat_bytes(1), chat_bytes(2)])
    assert counts.rejected == {"too_long": 1}
    assert "record 1: too_long" in counts.problems[0]
    assert not counts.came_to_nothing


def test_what_can_not_be_read_is_listed_and_the_rest_goes_on(tmp_path: Path) -> None:
    good = write(tmp_path / "good.jsonl", chat_bytes(1))
    (tmp_path / "image.bin").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(chat_bytes(2))[:20])
    outlet = FakeOutlet()
    counts = run(outlet, None, tmp_path / "absent.jsonl", tmp_path / "image.bin", tmp_path / "cut.jsonl.gz", good)
    assert outlet.values == Counter([chat_bytes(1)])
    assert counts.rejected == {"unreadable": 2}
    assert list(counts.failed) == [str(tmp_path / "absent.jsonl")]
    assert not counts.came_to_nothing
    assert run(FakeOutlet(), None, tmp_path / "absent.jsonl").came_to_nothing


def test_an_unreachable_broker_ends_the_run_and_the_next_goes_on(tmp_path: Path) -> None:
    class Away(FakeOutlet):
        def send(self, message: RawMessage) -> Callable[[], str]:
            if len(self.sent) == 9:
                raise StreamError("the broker takes no messages")
            return super().send(message)

    resume = tmp_path / "resume.json"
    log = write(tmp_path / "log.jsonl", *map(chat_bytes, range(20)))
    with pytest.raises(StreamError):
        run(Away(), resume, log)
    rest = FakeOutlet()
    run(rest, resume, log)
    assert rest.values == Counter(map(chat_bytes, range(8, 20)))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 9}', '{"version": 1, "destinations": 3}', "\0"])
def test_a_damaged_resume_file_is_refused_with_the_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / "resume.json").write_text(text)
    for _ in range(2):  # and leaves no lock behind
        with pytest.raises(InputError, match="delete it"):
            ResumeFile(tmp_path / "resume.json", "x")


def test_one_process_at_a_time_uses_a_resume_file(tmp_path: Path) -> None:
    first = ResumeFile(tmp_path / "resume.json", "x")
    with pytest.raises(InputError, match="another coachlm produce"):
        ResumeFile(tmp_path / "resume.json", "x")
    first.close()
    ResumeFile(tmp_path / "resume.json", "x").close()


@given(st.sets(st.integers(0, 60)))
def test_ranges_hold_exactly_the_records(records: set[int]) -> None:
    found = ranges(records)
    assert {number for first, last in found for number in range(first, last + 1)} == records
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(found))
