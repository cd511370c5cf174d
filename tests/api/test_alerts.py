"""What an operator is told to look at, and what not."""

from datetime import UTC, datetime

import pytest

from api.models import CoachDepth, GroupLag, Overview, QueueDepth, StreamLag
from api.routes.alerts import alerts_of


def overview(**changes: object) -> Overview:
    calm = Overview(
        at=datetime(2026, 3, 1, tzinfo=UTC),
        stages=(),
        depth=QueueDepth(free=0, reserved=0, leased=0, awaiting_review=0, free_by_class={}),
        oldest_seconds=None,
        coach=CoachDepth(waiting=0, oldest_seconds=None, idle_seconds=None),
        excluded_by_reason={},
        outcomes={},
        revised_by_adapter={},
    )
    return calm.model_copy(update=changes)


def coach(waiting: int, oldest: float | None, idle: float | None) -> CoachDepth:
    return CoachDepth(waiting=waiting, oldest_seconds=oldest, idle_seconds=idle)


def lag(intake: int, revise: int) -> StreamLag:
    stages = (("intake", intake), ("revise", revise))
    groups = tuple(GroupLag(group=name, stage=name, messages=count) for name, count in stages)
    return StreamLag(groups=groups, at=None)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"oldest_seconds": 86_399.0}, []),
        ({"oldest_seconds": 90_000.0}, ["queue_age"]),
        ({"coach": coach(0, None, 90_000)}, []),
        ({"coach": coach(5, 10, 90_000)}, []),  # they have only just come
        ({"coach": coach(5, 90_000, 10)}, []),  # a long queue that moves
        ({"coach": coach(5, 900, 901)}, ["reviser_stalled"]),
        ({"coach": coach(1, 900, None)}, ["reviser_stalled"]),
        ({"outcomes": {"revised": 80, "fallback_guard: language": 20}}, ["fallbacks"]),
        ({"outcomes": {"revised": 81, "fallback_guard: language": 19}}, []),
        ({"outcomes": {"fallback_invalid": 49}}, []),  # too few to say
        ({"streams": StreamLag(groups=(), at=None)}, []),
        ({"streams": StreamLag(groups=(), at=None, problem="no broker answers")}, ["broker"]),
        ({"streams": lag(9_999, 9_999)}, []),
        ({"streams": lag(0, 10_000)}, ["lag_revise"]),
    ],
)
def test_alerts(changes: dict[str, object], names: list[str]) -> None:
    assert [alert.name for alert in alerts_of(overview(**changes))] == names
