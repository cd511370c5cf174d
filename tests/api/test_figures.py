"""Every figure that a page shows, over HTTP: whose it is, and that it is the very sum or estimate."""

from datetime import timedelta
from typing import Any

import pytest

from api.client.client import ForbiddenError, new_key
from api.models import GroupBy
from coachlm.desk.efficiency import Arm
from coachlm.pairs import InstructionPair
from evaluation.effect.efficiency import estimate_efficiency
from tests.api.service import CREATIVE, QA, Service


def _work(service: Service, name: str, how_many: int) -> None:
    client = service.client(name)
    for _ in range(how_many):
        item = client.desk.claim()
        assert item is not None
        client.desk.heartbeat(item.token)
        client.desk.submit(
            item, InstructionPair(item.text.instruction, "", f"{item.text.response} More."), key=new_key()
        )


@pytest.fixture
def worked(service: Service) -> Service:
    service.fill([QA] * 5 + [CREATIVE] * 3)
    _work(service, "ada", 2)
    _work(service, "ben", 3)
    _work(service, "cleo", 3)
    return service


def _get(service: Service, path: str, name: str, **params: Any) -> dict[str, Any]:
    answer = service.request("GET", f"/v1/figures/{path}", name, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_each_sees_the_people_that_are_hers_to_see(worked: Service):
    def submitted(path: str, name: str) -> dict[str, int]:
        return {one["person"]: one["work"]["submitted"] for one in _get(worked, path, name)["people"]}

    everybody = {"ada": 2, "ben": 3, "cleo": 3}
    assert submitted("people", "oscar") == submitted("people", "root") == everybody
    assert submitted("people", "olga") == {"ada": 2, "ben": 3}
    assert submitted("people", "otto") == {"cleo": 3}
    assert submitted("me", "ada") == {"ada": 2}
    assert submitted("me", "olga") == {}


@pytest.mark.parametrize("path", ["people", "efficiency", "estimate"])
def test_an_owner_does_not_get_another_units_figures(worked: Service, path: str):
    answer = worked.request("GET", f"/v1/figures/{path}", "olga", params={"unit": "creative"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "cleo" not in worked.request("GET", f"/v1/figures/{path}", "olga").text


@pytest.mark.parametrize("path", ["overview", "people", "efficiency", "estimate"])
def test_an_annotator_gets_her_own_figures_alone(worked: Service, path: str):
    answer = worked.request("GET", f"/v1/figures/{path}", "ada", params={"unit": "qa"})
    assert answer.status_code == 403
    with pytest.raises(ForbiddenError):
        worked.client("ada").figures.efficiency()


def test_the_estimate_is_that_of_the_evaluation(worked: Service):
    oscar = worked.client("oscar")
    rows = oscar.figures.efficiency_rows()
    expected = estimate_efficiency(rows)
    found = oscar.figures.efficiency(group=GroupBy.UNIT)
    assert found.last - found.first == timedelta(days=27)
    assert found.whole.sentence == expected.sentence
    assert found.whole.verdict == "not_enough"
    assert found.whole.speed is None
    assert found.whole.people == ()  # nobody's ratio is shown before the sample suffices
    assert found.paper is None
    assert {name: one.coach.pairs + one.control.pairs for name, one in found.groups.items()} == {"qa": 5, "creative": 3}
    by_arm = {arm: sum(row.time.pairs for row in rows if row.arm is arm) for arm in Arm}
    assert (found.whole.control.pairs, found.whole.coach.pairs) == (by_arm[Arm.CONTROL], by_arm[Arm.COACH])
    assert oscar.figures.efficiency().groups == {}


def test_the_overview_tells_what_is_wrong(service: Service, monkeypatch: pytest.MonkeyPatch):
    oscar = service.client("oscar")
    assert oscar.figures.overview().alerts == ()
    service.fill([QA])
    monkeypatch.setattr("api.routes.alerts.OLDEST_SECONDS", 0)
    assert [alert.name for alert in oscar.figures.overview().alerts] == ["queue_age"]


def test_a_period_before_the_first_day_there_is(worked: Service):
    found = _get(worked, "estimate", "oscar", first="0001-01-01", last="0001-01-02")
    assert found["whole"]["coach"]["pairs"] == 0
    answer = worked.request(
        "GET", "/v1/figures/estimate", "oscar", params={"first": "2026-02-01", "last": "2026-01-01"}
    )
    assert answer.status_code == 422
