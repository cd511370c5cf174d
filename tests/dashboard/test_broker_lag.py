"""An operator sees the lag of a real broker rise, and what the page says then."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer
from playwright.sync_api import Browser, expect

from api.routes.alerts import LAG_MESSAGES
from coachlm.protocols.streams import Topic
from coachlm.settings import Settings, load_settings
from streams.broker.topics.topics import ensure_topics, topic_name
from tests.dashboard.desk_page import DeskPage
from tests.dashboard.profiles import Profiles
from tests.dashboard.servers import Office, wait_for

pytestmark = [pytest.mark.broker, pytest.mark.browser, pytest.mark.slow]

Send = Callable[[int], None]


@pytest.fixture
def settings(kafka_server: str, kafka_prefix: str) -> Settings:
    given = load_settings(kafka_servers=kafka_server, kafka_prefix=kafka_prefix, kafka_partitions=2)  # type: ignore[call-arg, arg-type]
    ensure_topics(given)
    return given


@pytest.fixture
def send(settings: Settings, kafka_server: str) -> Iterator[Send]:
    """Puts so many raw records into the broker; nobody reads them."""
    producer = KafkaProducer(bootstrap_servers=kafka_server.split(","))

    def send(count: int) -> None:
        for _ in range(count):
            producer.send(topic_name(settings, Topic.RAW), b"{}")
        producer.flush()

    yield send
    producer.close()


@pytest.fixture
def streaming_office(tmp_path: Path, settings: Settings, kafka_server: str) -> Iterator[Office]:
    with Office(tmp_path, kafka_servers=kafka_server, kafka_prefix=settings.kafka.prefix) as office:
        yield office


def test_an_operator_sees_lag_rise(streaming_office: Office, browser: Browser, send: Send) -> None:
    """By itself: the page isn't touched."""
    office, profiles = streaming_office, Profiles(browser)
    send(7)
    with office.client("oscar") as oscar:
        wait_for(lambda: (streams := oscar.figures.overview().streams) is not None and streams.at is not None)
    page = profiles.open("oscar", office.tokens["oscar"], office.pages.url)
    tab = DeskPage(page, f"{office.pages.url}/overview")
    expect(tab.tile("lag of intake, messages").locator("b")).to_have_text("7")
    assert tab.figure("lag of revise, messages") == "0"
    assert not page.get_by_role("alert").count()
    send(LAG_MESSAGES)
    said = "10,007 messages wait for the intake workers"
    expect(page.get_by_role("alert")).to_contain_text(said)
    assert tab.figure("lag of intake, messages") == "10,007"
    profiles.close()
