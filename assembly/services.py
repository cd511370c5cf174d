"""What the HTTP service is given: stores, doors and probes."""

from typing import TYPE_CHECKING

from assembly.stores import build_store, intake_salt
from coachlm.settings import Settings

if TYPE_CHECKING:
    from api.http.services import Services
    from coachlm.protocols.doors import LagProbe, LogDoor
    from storage.engine.database import Database


def build_services(database: "Database", settings: Settings) -> "Services":
    """All that the routes work with, on one database."""
    from api.http.services import Services
    from coachlm.text.personal_data import Redactor
    from storage.adapters.adapters import DatabaseAdapterRegistry
    from storage.desk.pair_views import PairViews
    from storage.desk.queue import PostEditQueue
    from storage.desk.rules import DeskRules
    from storage.figures.figures import Figures
    from storage.intake.rejects import Rejects
    from storage.intake.waiting_calls import WaitingCalls
    from storage.people.accounts import Accounts
    from storage.reading import StoreReader
    from storage.review.desk import ReviewDesk
    from storage.studies.desk import RatingDesk
    from storage.studies.studies import RatingStudies
    from streams.receiving.inbox import CallInbox

    rules = DeskRules.from_settings(settings)
    return Services(
        database=database,
        queue=PostEditQueue(database, settings.desk.lease_seconds, rules=rules),
        reviews=ReviewDesk(database, rules=rules, lease_seconds=settings.desk.lease_seconds),
        accounts=Accounts(database, settings.desk.unit_names),
        figures=Figures(database),
        reader=StoreReader(database),
        pairs=PairViews(database),
        rating_desk=RatingDesk(database),
        studies=RatingStudies(database),
        rejects=Rejects(database),
        log_door=_log_door(database, settings),
        inbox=CallInbox(WaitingCalls(database), Redactor(settings.intake.phone_regions)),
        adapters=DatabaseAdapterRegistry(database),
        lag_probe=_lag_probe(settings),
    )


def _lag_probe(settings: Settings) -> "LagProbe | None":
    if not settings.kafka.servers:
        return None
    from streams.broker.topics.lag import BrokerLagProbe

    return BrokerLagProbe(settings)


def _log_door(database: "Database", settings: Settings) -> "LogDoor":
    """Into the broker where there is one, else straight into the store."""
    if settings.kafka.servers:
        from streams.broker.producing.log_door import KafkaLogDoor

        return KafkaLogDoor(settings)
    from streams.reading.log_door import EmbeddedLogDoor

    return EmbeddedLogDoor(build_store(database, settings), settings, intake_salt(database, settings))
