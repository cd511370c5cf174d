"""The chart shows every pair once per column, whatever formats are called."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from coachlm.desk.dataset import FlowCounts
from coachlm.revision import Outcome
from coachlm.status import Status
from evaluation.report.flow_chart import WIDTH, draw_flow

_numbers = st.integers(0, 1_000_000)


@given(
    st.dictionaries(st.tuples(st.sampled_from(Status), st.sampled_from([None, *Outcome])), _numbers),
    st.dictionaries(st.sampled_from(["openai_chat", "rejected", "kept", "unknown", *"abcdefghij"]), _numbers),
    st.integers(0, 1000),
    st.integers(0, 1000),
)
def test_columns_add_up_and_everything_lies_inside(stages, formats, repeats, rejects):
    by_status = Counter()
    for (status, _), count in stages.items():
        by_status[status.value] += count
    pairs = by_status.total()
    counts = FlowCounts(
        occurrences=pairs + repeats,
        pairs=pairs,
        exact_duplicates=repeats,
        by_status=dict(by_status),
        occurrences_by_format={**formats, "rest": 1},
        rejects_by_format={"rest": rejects},
    )
    chart = draw_flow(counts, Counter(stages))
    sizes = Counter()
    for node in chart.nodes:
        sizes[node.label, node.x] += node.count
        assert 0 <= node.x <= WIDTH
        assert node.y + node.height <= chart.height
    shown = Counter({label: count for (label, x), count in sizes.items() if x > 0})
    assert shown["excluded"] + shown["near copies"] + shown["kept"] == pairs
    assert shown["rejected"] == rejects
    coached = ("revised", "left as it was", "fell back to raw", "waits for the coach")
    assert sum(shown[label] for label in coached) == shown["kept"]
    in_first_column = sum(count for (_, x), count in sizes.items() if x == 0)
    assert in_first_column == sum(formats.values()) + 1 + rejects
    assert len(chart.ribbons) >= bool(pairs)


def test_an_empty_store_has_an_empty_chart():
    assert draw_flow(FlowCounts(), Counter()).nodes == ()
