"""The one door to OpenVINO's packages: imported late, and without their telemetry."""

import sys
from typing import Any

from coachlm.errors import ModelError
from coachlm.machine import extras


def import_openvino() -> Any:
    """The package `openvino`. Raises: ModelError, where it isn't installed."""
    return _import("openvino")


def import_genai() -> Any:
    """The package `openvino_genai`. Raises: ModelError, where it isn't installed."""
    return _import("openvino_genai")


def _import(name: str) -> Any:
    if problem := extras.OPENVINO.lack("the openvino engine needs", name):
        raise ModelError(problem)
    # OpenVINO reports every import and conversion to Google Analytics unless the user's home says no. Without the
    # package for it, it takes its own stub.
    sys.modules.setdefault("openvino_telemetry", None)  # pyright: ignore[reportArgumentType]
    from importlib import import_module

    return import_module(name)
