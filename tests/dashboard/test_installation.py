"""Settings of the service that the pages show: the time to undo, the limit of idleness, the names of the units."""

import re

from playwright.sync_api import expect

from api.models import Me
from coachlm.desk.work import PersonRole
from coachlm.pairs import TaskClass
from dashboard.views.desk_data import desk_data
from tests.api.service import running_service
from tests.dashboard import samples
from tests.dashboard.servers import Office
from tests.dashboard.test_desk import SitDown
from tests.dashboard.test_editor_modules import run
from tests.databases import Databases

NAMES = "Editors,Advisers,Writers"


def test_the_service_tells_them(sqlite_databases: Databases) -> None:
    given = {"undo_seconds": 7, "idle_seconds": 8, "unit_names": NAMES}
    with running_service(sqlite_databases.new(), **given) as service:
        me = service.client("ada").me()
    assert (me.name, me.role, me.undo_seconds, me.idle_seconds) == ("ada", PersonRole.ANNOTATOR, 7, 8)
    assert [me.class_names[one] for one in TaskClass] == NAMES.split(",")


def test_undo_is_offered_for_as_long_as_the_service_takes_it(office: Office, sit_down: SitDown) -> None:
    with office.with_settings(undo_seconds="8"):
        office.queue(*samples.fresh(2))
        desk = sit_down("ada")
        desk.await_item()
        desk.edit_response(" Sent.")
        desk.submit_and_await_next()
        undo = desk.page.get_by_role("button", name="Undo")
        expect(undo).to_have_text(re.compile(r"^Undo \([1-8] s\)"))
        expect(undo).to_be_hidden(timeout=60_000)


def test_without_time_to_undo_nothing_is_offered(office: Office, sit_down: SitDown) -> None:
    with office.with_settings(undo_seconds="0"):
        office.queue(*samples.fresh(2))
        desk = sit_down("ada")
        desk.await_item()
        desk.edit_response(" Sent.")
        desk.submit_and_await_next()
        desk.await_words(".progress", "today")
        expect(desk.page.get_by_role("button", name="Undo")).to_be_hidden()


def test_classes_and_units_are_called_what_the_installation_calls_them(office: Office, sit_down: SitDown) -> None:
    with office.with_settings(unit_names=NAMES):
        office.queue(*samples.fresh(1))
        desk = sit_down("ada")
        desk.await_item()
        desk.await_words(".meta", "Advisers")
        owner = sit_down("olga", path="/review")
        expect(owner.page.get_by_label("Class").locator("option")).to_have_text(["every class", *NAMES.split(",")])


def test_the_desk_is_told_and_beats_twice_within_the_idle_limit() -> None:
    names = dict(zip(TaskClass, NAMES.split(","), strict=True))
    me = Me(name="ada", role=PersonRole.ANNOTATOR, unit=None, undo_seconds=7, idle_seconds=8, class_names=names)
    told = desk_data(me, has_provider=False)
    assert (told["undoSeconds"], told["idleSeconds"], told["classNames"]) == (7, 8, names)
    assert run(("paceOf", 8), ("paceOf", 3600)) == [
        {"beatMs": 4_000, "activeMs": 8_000},
        {"beatMs": 15_000, "activeMs": 20_000},
    ]
