"""Builds the engine that revises: the one in the settings, or one that follows the adapter registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assembly.stores import adapter_artifacts
from coachlm.coaching.adapters import AdapterRecord
from coachlm.coaching.engines import ENGINES, Adapters
from coachlm.errors import ModelError
from coachlm.protocols.revising import Reviser
from coachlm.settings import REGISTRY, Settings

if TYPE_CHECKING:
    from storage.engine.database import Database


def build_engine(settings: Settings, database: Database) -> Reviser:
    """With `COACHLM_ADAPTER=registry` the engine follows what is promoted in the database.

    Raises: SettingsError, ModelError.
    """
    from reviser.choosing.building import with_choice
    from reviser.engines import build_adapting, build_coach, build_reviser

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
