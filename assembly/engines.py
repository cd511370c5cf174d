"""Builds the engine that revises: the one in the settings, or one that follows the adapter registry."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from assembly.stores import adapter_artifacts
from coachlm.coaching.adapters import HELD_OUT_SHARE, AdapterRecord, is_held_out
from coachlm.coaching.engines import ENGINES, Adapters
from coachlm.errors import ModelError
from coachlm.protocols.revising import Reviser
from coachlm.settings import REGISTRY, Settings
from coachlm.status import Status

if TYPE_CHECKING:
    from reviser.instructed.examples import Example, ExampleStore
    from storage.engine.database import Database
    from storage.reading import StoreReader


_MOST_EXAMPLES = 20_000  # the newest approved pairs that an instructed coach chooses from


def build_engine(settings: Settings, database: Database) -> Reviser:
    """With `COACHLM_ADAPTER=registry` the engine follows what is promoted in the database; an instructed coach is shown
    what was approved there.

    Raises: SettingsError, ModelError.
    """
    from reviser.choosing.building import with_choice
    from reviser.engines import build_adapting, build_coach, build_reviser

    if settings.instructing.coach == "instructed":
        return build_reviser(settings, _examples(settings, database))
    adapters = ENGINES[settings.reviser.engine].adapters
    if settings.reviser.adapter != REGISTRY or adapters is Adapters.NONE:
        return build_reviser(settings)
    from reviser.following.reviser import FollowingReviser
    from storage.adapters.adapters import DatabaseAdapterRegistry

    registry, artifacts = DatabaseAdapterRegistry(database), adapter_artifacts(settings)

    def fetch(record: AdapterRecord) -> Path:
        return artifacts.fetch(record.artifact, record.digest)

    def with_adapter(folder: Path | None) -> Reviser:
        return build_reviser(settings.replaced(adapter=None if folder is None else str(folder)))

    build_one = build_coach(settings) if settings.reviser.engine == "coach" else with_adapter

    def build(record: AdapterRecord | None) -> Reviser:
        engine = build_one(None if record is None else fetch(record))
        if record is not None and engine.adapter != record.digest:
            raise ModelError(f"the engine did not take adapter {record.digest[:12]}")
        return engine

    if adapters is Adapters.CHANGED_IN_PLACE and (engine := build_adapting(settings, registry.in_force, fetch)):
        return with_choice(settings, engine)
    return FollowingReviser(registry.in_force, build, settings.reviser.registry_poll_seconds)


def _examples(settings: Settings, database: Database) -> ExampleStore:
    """As they are now; an engine that lives long doesn't see what is approved later."""
    from reviser.instructed.building import example_store
    from storage.reading import StoreReader

    reader = StoreReader(database)
    approved = deque(_approved(settings, reader), maxlen=_MOST_EXAMPLES)
    return example_store(settings, approved, lambda pair_id: reader.session_of(pair_id) or "")


def _approved(settings: Settings, reader: StoreReader) -> Iterator[Example]:
    """Without those that are held out for the gate."""
    from reviser.instructed.examples import Example

    if settings.instructing.examples not in ("auto", "database"):
        return
    for row in reader.dataset_rows(statuses=[Status.APPROVED]):
        if row.final is not None and not is_held_out(row.pair_id, HELD_OUT_SHARE):
            yield Example(row.raw, row.final, row.provenance.session_hash or "")
