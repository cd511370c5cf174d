"""Halves, chunks and tree messages through the joiner: nothing vanishes, nothing is joined with what is not its own."""

from hypothesis import given
from hypothesis import strategies as st

from coachlm.pairs import Position, Reject, RejectReason
from streams.reading.join import Joiner
from streams.reading.sources.records import Fragment

ROOM = 100_000


def fragment(
    record: int,
    part: str,
    key: str = "k",
    *,
    source: str = "s",
    data: object = None,
    size: int = 10,
    complete: bool = False,
) -> Fragment:
    return Fragment(Position(source, record), "format", key, part, data, size, complete)


def details(rejects: list[Reject]) -> list[str]:
    assert all(reject.reason is RejectReason.UNMATCHED for reject in rejects)
    return [reject.detail for reject in rejects]


def test_halves_meet_in_either_order_and_across_sources() -> None:
    joiner = Joiner(ROOM)
    request, response = fragment(0, "request", source="in"), fragment(0, "response", source="out")
    assert joiner.add(request) == []
    assert joiner.end_of_source("in") == []
    assert joiner.add(response) == [[request, response]]
    assert joiner.add(response) == []
    assert joiner.add(request) == [[response, request]]
    assert joiner.flush() == []


def test_another_format_or_key_is_another_call() -> None:
    joiner = Joiner(ROOM)
    joiner.add(fragment(0, "request", "a"))
    assert joiner.add(fragment(1, "response", "b")) == []
    assert joiner.add(Fragment(Position("s", 2), "other", "a", "response", None, 1)) == []
    assert len(joiner.flush()) == 3


def test_a_half_alone_is_unmatched_at_the_end() -> None:
    joiner = Joiner(ROOM)
    joiner.add(fragment(7, "request"))
    (reject,) = joiner.flush()
    assert reject == Reject(Position("s", 7), RejectReason.UNMATCHED, reject.detail, "format")
    assert "request" in reject.detail
    assert joiner.flush() == []


def test_two_requests_with_one_id_are_never_answered_by_a_guess() -> None:
    joiner = Joiner(ROOM)
    assert joiner.add(fragment(0, "request", data="one")) == []
    assert joiner.add(fragment(1, "request", data="two")) == []
    assert joiner.add(fragment(2, "response", data="whose?")) == []
    rejects = joiner.flush()
    assert [reject.position.record for reject in rejects] == [0, 1, 2]
    assert all("share one id" in detail for detail in details(rejects))


def test_a_repeated_request_is_rejected_alone() -> None:
    joiner = Joiner(ROOM)
    first, again, response = fragment(0, "request", data=1), fragment(1, "request", data=1), fragment(2, "response")
    joiner.add(first)
    assert joiner.add(again) == []
    assert joiner.add(response) == [[first, response]]
    assert [reject.position for reject in joiner.flush()] == [again.position]


def test_a_stream_is_whole_with_its_last_chunk() -> None:
    joiner = Joiner(ROOM)
    chunks = [fragment(n, "chunk", complete=n == 2) for n in range(3)]
    assert [joiner.add(chunk) for chunk in chunks] == [[], [], [chunks]]


def test_streams_and_trees_without_an_end_are_handed_over_when_their_source_ends() -> None:
    joiner = Joiner(ROOM)
    mine = [fragment(0, "message", "t"), fragment(1, "chunk", "c"), fragment(2, "message", "t"), fragment(3, "request")]
    other = fragment(0, "message", "t", source="other")
    for item in (*mine, other):
        assert joiner.add(item) == []
    assert joiner.end_of_source("s") == [[mine[0], mine[2]], [mine[1]]]
    assert joiner.end_of_source("s") == []
    assert joiner.end_of_source("other") == [[other]]
    assert [reject.position for reject in joiner.flush()] == [mine[3].position]


def test_over_the_bound_the_half_that_waited_longest_is_rejected() -> None:
    joiner = Joiner(10_000)
    for record in range(3):
        assert joiner.add(fragment(record, "request", str(record), size=3_000)) == []
    (reject,) = joiner.take_rejects()
    assert reject.position.record == 0
    assert "COACHLM_JOIN_BUFFER_BYTES" in reject.detail
    assert joiner.add(fragment(9, "response", "2")) != []


def test_what_was_added_to_lately_stays() -> None:
    joiner = Joiner(10_000)
    first = fragment(0, "chunk", "stream", size=3_000)
    joiner.add(first)
    joiner.add(fragment(1, "request", "half", size=3_000))
    second = fragment(2, "chunk", "stream", size=3_000)
    joiner.add(second)
    assert [reject.position.record for reject in joiner.take_rejects()] == [1]
    last = fragment(3, "chunk", "stream", complete=True)
    assert joiner.add(last) == [[first, second, last]]


def test_a_stream_that_lost_its_beginning_is_never_taken_for_whole() -> None:
    joiner = Joiner(10_000)
    for record in range(3):
        joiner.add(fragment(record, "chunk", "long", size=4_000))
    assert joiner.add(fragment(3, "chunk", "long", complete=True)) == []
    assert joiner.end_of_source("s") == []
    assert [reject.position.record for reject in joiner.flush()] == [0, 1, 2, 3]


def test_over_the_bound_a_tree_is_assembled_and_its_late_messages_rejected() -> None:
    joiner = Joiner(10_000)
    first = [fragment(n, "message", "one", size=2_000) for n in range(2)]
    second = [fragment(n + 2, "message", "two", size=2_000) for n in range(3)]
    assert [group for item in (*first, *second) for group in joiner.add(item)] == [first]
    assert joiner.add(fragment(5, "message", "one")) == []
    assert joiner.end_of_source("s") == [second]
    assert [reject.position.record for reject in joiner.flush()] == [5]


def test_memory_stays_bounded_under_endless_keys() -> None:
    joiner = Joiner(20_000)
    for record in range(5_000):
        joiner.add(fragment(record, "request", f"{record}" * 50))
        joiner.add(fragment(record, "chunk", f"{record}" * 50))
        joiner.take_rejects()
    assert len(joiner.flush()) < 100


fragments = st.builds(
    lambda part, key, source, data, size, complete: (part, key, source, data, size, complete and part == "chunk"),
    st.sampled_from(["request", "response", "chunk", "message"]),
    st.sampled_from("abc"),
    st.sampled_from(["s", "t"]),
    st.integers(0, 1),
    st.integers(0, 2_000),
    st.booleans(),
)


@given(st.lists(fragments | st.sampled_from(["end s", "end t"]), max_size=60), st.integers(1_000, 20_000))
def test_every_fragment_comes_out_exactly_once(steps: list[object], max_bytes: int) -> None:
    joiner = Joiner(max_bytes)
    added: list[Fragment] = []
    groups: list[list[Fragment]] = []
    for number, step in enumerate(steps):
        if isinstance(step, str):
            groups += joiner.end_of_source(step[-1])
        else:
            part, key, source, data, size, complete = step  # type: ignore[misc]
            added.append(fragment(number, part, key, source=source, data=data, size=size, complete=complete))
            groups += joiner.add(added[-1])
    for source in "st":
        groups += joiner.end_of_source(source)
    out = [item.position for group in groups for item in group] + [reject.position for reject in joiner.flush()]
    assert sorted(out, key=str) == sorted((item.position for item in added), key=str)
    for group in groups:
        assert len({(item.format, item.key) for item in group}) == 1
        assert [item.position.record for item in group] == sorted(item.position.record for item in group)
        if group[0].part in ("request", "response"):
            assert {item.part for item in group} == {"request", "response"}
        else:
            assert len({(item.part in ("request", "response"), item.position.source) for item in group}) == 1
