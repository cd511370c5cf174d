"""The way of pairs through the stages as a chart of columns and ribbons; geometry alone, the template draws it."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from coachlm.desk.dataset import FlowCounts
from coachlm.revision import Outcome
from coachlm.status import Status

WIDTH = 1080
_BODY = 260  # height of all bars of the fullest column together
_MARGIN = 20
_BAR = 12
_GAP = 18
_LABEL = 190  # room for the last column's labels
_MOST_FORMATS = 10


class Tone(StrEnum):
    """How a node is coloured."""

    SOURCE = "source"
    KEPT = "kept"
    CHANGED = "changed"
    ASIDE = "aside"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Node:
    """A bar; `x`, `y` is its upper left corner."""

    label: str
    count: int
    tone: Tone
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A flow between two nodes, as an SVG path to be filled."""

    path: str
    label: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class FlowChart:
    """What the template draws, in the order of drawing: ribbons below nodes."""

    nodes: tuple[Node, ...]
    ribbons: tuple[Ribbon, ...]
    height: int
    width: int = WIDTH


Stages = Counter[tuple[Status, Outcome | None]]
"""Pairs by status and outcome of their revision."""

_PARSED, _REJECTED = "pairs parsed", "rejected"
_KEPT, _REPEATS, _COPIES, _EXCLUDED = "kept", "exact repeats", "near copies", "excluded"
_REVISED, _UNCHANGED, _FELL_BACK, _UNSEEN = "revised", "left as it was", "fell back to raw", "waits for the coach"
_EDITED, _APPROVED, _WAITS = "post-edited", "approved", "waits for people"
_COLUMNS: tuple[dict[str, Tone], ...] = (
    {_PARSED: Tone.KEPT, _REJECTED: Tone.REJECTED},
    {_KEPT: Tone.KEPT, _REPEATS: Tone.ASIDE, _COPIES: Tone.ASIDE, _EXCLUDED: Tone.REJECTED},
    {_REVISED: Tone.CHANGED, _UNCHANGED: Tone.KEPT, _FELL_BACK: Tone.ASIDE, _UNSEEN: Tone.SOURCE},
    {_APPROVED: Tone.CHANGED, _EDITED: Tone.KEPT, _WAITS: Tone.SOURCE},
)
_COACH: dict[Outcome | None, str] = {None: _UNSEEN, Outcome.REVISED: _REVISED, Outcome.UNCHANGED: _UNCHANGED}
_PEOPLE = {Status.APPROVED: _APPROVED, Status.POST_EDITED: _EDITED, Status.RETURNED: _EDITED, Status.REVISED: _WAITS}


def draw_flow(counts: FlowCounts, stages: Stages) -> FlowChart:
    """The chart; columns that nothing has reached are left out."""
    flows = Counter(_intake_flows(counts))
    for (status, outcome), count in stages.items():
        if status in (Status.EXCLUDED, Status.DUPLICATE):
            continue
        coach = _COACH.get(outcome, _FELL_BACK)
        flows[_KEPT, coach] += count
        if status in _PEOPLE:
            flows[coach, _PEOPLE[status]] += count
    flows = {ends: count for ends, count in flows.items() if count}
    return _lay_out(flows)


def _intake_flows(counts: FlowCounts) -> dict[tuple[str, str], int]:
    aside = {_COPIES: Status.DUPLICATE, _EXCLUDED: Status.EXCLUDED}
    flows = {(_PARSED, node): counts.by_status.get(status.value, 0) for node, status in aside.items()}
    flows[_PARSED, _KEPT] = counts.pairs - sum(flows.values())
    flows[_PARSED, _REPEATS] = counts.exact_duplicates
    biggest = Counter(counts.occurrences_by_format) + Counter(counts.rejects_by_format)
    named = {name for name, _ in biggest.most_common(_MOST_FORMATS)}
    for node, by_format in ((_PARSED, counts.occurrences_by_format), (_REJECTED, counts.rejects_by_format)):
        for name, count in by_format.items():
            source = f"{name} " if name in named else "other formats "  # a format may be named like a stage
            flows[source, node] = flows.get((source, node), 0) + count
    return flows


def _lay_out(flows: Mapping[tuple[str, str], int]) -> FlowChart:
    sizes = _sizes(flows)
    known = {name for column in _COLUMNS for name in column}
    sources = sorted((name for name in sizes if name not in known), key=lambda name: (-sizes[name], name))
    columns = [dict.fromkeys(sources, Tone.SOURCE), *_COLUMNS]
    columns = [{name: tone for name, tone in column.items() if name in sizes} for column in columns]
    columns = [column for column in columns if column]
    nodes = _place(columns, sizes)
    most_gaps = max((len(column) - 1 for column in columns), default=0)
    return FlowChart(tuple(nodes.values()), tuple(_ribbons(flows, nodes)), _BODY + _GAP * most_gaps + 2 * _MARGIN)


def _sizes(flows: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """What goes through each node: the larger of what comes in and what goes out."""
    out: Counter[str] = Counter()
    into: Counter[str] = Counter()
    for (source, target), count in flows.items():
        out[source] += count
        into[target] += count
    return dict(out | into)


def _place(columns: list[dict[str, Tone]], sizes: Mapping[str, int]) -> dict[str, Node]:
    tallest = max((sum(sizes[name] for name in column) for column in columns), default=1)
    scale = _BODY / tallest
    step = (WIDTH - _LABEL - _BAR) / max(1, len(columns) - 1)
    nodes: dict[str, Node] = {}
    for index, column in enumerate(columns):
        y = float(_MARGIN)
        for name, tone in column.items():
            height = max(2.0, sizes[name] * scale)
            nodes[name] = Node(name.strip(), sizes[name], tone, round(index * step, 1), round(y, 1), round(height, 1))
            y += height + _GAP
    return nodes


def _ribbons(flows: Mapping[tuple[str, str], int], nodes: Mapping[str, Node]) -> list[Ribbon]:
    """Stacked at both ends in the order of the nodes, so that ribbons cross as little as they can."""
    order = {name: index for index, name in enumerate(nodes)}
    left: defaultdict[str, float] = defaultdict(float)
    right: defaultdict[str, float] = defaultdict(float)
    ribbons = []
    for (source, target), count in sorted(flows.items(), key=lambda flow: (order[flow[0][0]], order[flow[0][1]])):
        start, end = nodes[source], nodes[target]
        start_height, end_height = start.height * count / start.count, end.height * count / end.count
        y0, y1 = start.y + left[source], end.y + right[target]
        left[source] += start_height
        right[target] += end_height
        x0, x1 = start.x + _BAR, end.x
        upper = f"M{x0:.1f},{y0:.1f}{_curve(x0, y0, x1, y1)}"
        lower = f"V{y1 + end_height:.1f}{_curve(x1, y1 + end_height, x0, y0 + start_height)}Z"
        ribbons.append(Ribbon(upper + lower, f"{start.label} → {end.label}: {count:,}", end.tone))
    return ribbons


def _curve(x0: float, y0: float, x1: float, y1: float) -> str:
    """Level at both ends."""
    middle = (x0 + x1) / 2
    return f"C{middle:.1f},{y0:.1f} {middle:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"
