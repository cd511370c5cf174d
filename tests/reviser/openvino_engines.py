"""Engines `openvino` with little memory."""

from pathlib import Path
from typing import Any

from coachlm.settings import Settings, load_settings
from reviser.engines import build_reviser
from reviser.openvino.reviser import OpenvinoReviser


def settings(folder: Path, **values: Any) -> Settings:
    given = {"engine": "openvino", "model": str(folder), "reviser_cache_mib": 8, "max_new_tokens": 64} | values
    return load_settings(**given)  # type: ignore[call-arg]


def build(folder: Path, **values: Any) -> OpenvinoReviser:
    engine = build_reviser(settings(folder, **values))
    assert isinstance(engine, OpenvinoReviser)
    return engine
