"""What the HTTP service is given: stores, doors and probes."""

from typing import TYPE_CHECKING

from coachlm.cli.stores import build_store, intake_salt
from coachlm.settings import Settings

if TYPE_CHECKING:
    from api.services import Services
    from coachlm.protocols import LagProbe, LogDoor
    from storage.database import Database


def build_services(database: "Database", settings: Settings) -> "Services":
    """All that the routes work with, on one database."""
    from api.services import Services
    from storage.accounts import Accounts
    from storage.adapters import DatabaseAdapterRegistry
    from storage.figures import Figures
    from storage.pair_views import PairViews
    from storage.queue import PostEditQueue
    from storage.rating_desk import RatingDesk
    from storage.reading import StoreReader
    from storage.reviewing import ReviewDesk
    from storage.rules import DeskRules
    from storage.studies import RatingStudies

    rules = DeskRules.from_settings(settings)
    return Services(
        database=database,
        queue=PostEditQueue(database, settings.lease_seconds, rules=rules),
        reviews=ReviewDesk(database, rules=rules),
        accounts=Accounts(database, settings.unit_names),
        figures=Figures(database),
        reader=StoreReader(database),
        pairs=PairViews(database),
        rating_desk=RatingDesk(database),
        studies=RatingStudies(database),
        log_door=_log_door(database, settings),
        adapters=DatabaseAdapterRegistry(database),
        lag_probe=_lag_probe(settings),
    )


def _lag_probe(settings: Settings) -> "LagProbe | None":
    if not settings.kafka_servers:
        return None
    from streams.broker.lag import BrokerLagProbe

    return BrokerLagProbe(settings)


def _log_door(database: "Database", settings: Settings) -> "LogDoor":
    """Into the broker where there is one, else straight into the store."""
    if settings.kafka_servers:
        from streams.broker.log_door import KafkaLogDoor

        return KafkaLogDoor(settings)
    from streams.log_door import EmbeddedLogDoor

    return EmbeddedLogDoor(build_store(database, settings), settings, intake_salt(database, settings))
