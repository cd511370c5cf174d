"""The page of a study's owner in a real browser."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from api.models import Study
from coachlm.desk.ratings import Rating
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.rating_study import FIRST, SECOND, make
from tests.dashboard.servers import Office

SitDown = Callable[..., DeskPage]


@pytest.fixture
def rated(office: Office) -> Study:
    """Of two pairs: all rated by Ada, half by Ben."""
    study = make(office, 2)
    for person, places in (("ada", 4), ("ben", 2)):
        with office.client(person) as client:
            for place in range(1, places + 1):
                task = client.ratings.task(study.name, place)
                response = 60 if "Amber" in task.text.response else 80
                client.ratings.rate(task, Rating(90, response, comment="=1+1"), key=f"{study.name}-{place}")
    return study


def test_an_operator_follows_closes_and_takes_the_tables(office: Office, sit_down: SitDown, rated: Study) -> None:
    tab = sit_down("oscar", path="/studies")
    page = tab.page
    expect(page.get_by_text(f"Versions: {FIRST}, {SECOND}. 2 pairs")).to_be_visible()
    expect(page.get_by_text("Don't show them to its raters")).to_be_visible()
    expect(page.get_by_text("Scores missing: ben 4")).to_be_visible()
    expect(page.get_by_text("Krippendorff's α (interval): ")).to_be_visible()
    table = tab.downloaded(f"{rated.name}-all")
    assert f'"response, {SECOND}",80.0' in table
    assert re.search(f'"response, {SECOND}",80.0,.*,20.0,20.0,20.0\n', table)
    every = tab.downloaded(f"{rated.name}-ratings")
    assert len(every.splitlines()) == 7
    assert '"\'=1+1"' in every
    expect(page.get_by_role("button", name="Close", exact=True)).to_be_disabled()
    with tab.redrawn():
        page.get_by_text("Close it for good").click()
    tab.click("Close")
    expect(page.get_by_text("Close it for good")).to_have_count(0)
    with office.client("oscar") as oscar:
        assert next(one for one in oscar.studies.all() if one.name == rated.name).closed_at is not None


def test_an_owner_sees_her_own_studies_alone(office: Office, sit_down: SitDown, rated: Study) -> None:
    page = sit_down("olga", path="/studies").page
    expect(page.get_by_text("No study yet.")).to_be_visible()
    assert not page.get_by_text(rated.name).count()
