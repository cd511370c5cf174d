"""What is missing is told with the extra that brings it."""

import re
import tomllib
from pathlib import Path

import pytest

from coachlm.machine import extras
from coachlm.machine.extras import Extra

KNOWN = [value for value in vars(extras).values() if isinstance(value, Extra)]
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
NAMES = {"openvino": "openvino-genai", "opentelemetry.proto": "opentelemetry-proto"}
"""Import name → the requirement that brings it, where they differ."""


@pytest.mark.parametrize("extra", KNOWN, ids=lambda extra: extra.name)
def test_an_extra_brings_its_packages(extra: Extra) -> None:
    required = {
        re.split(r"[\[>=<; ]", line)[0].replace("-", "_") for line in PROJECT["optional-dependencies"][extra.name]
    }
    assert {NAMES.get(package, package).replace("-", "_") for package in extra.packages} <= required


def test_what_is_there_is_no_problem() -> None:
    assert Extra("reviser", ("json", "re")).lack("training needs") is None


def test_what_is_missing_is_told_with_its_remedy() -> None:
    extra = Extra("reviser", ("json", "no_such_package"), "reviser")
    assert extra.lack("training needs") == (
        "training needs no_such_package: run `make reviser` in the checkout, or install the extra `reviser` "
        "(pip install '.[reviser]')"
    )
    assert extra.lack("training needs", "json") is None
    assert Extra("api", ("no_such_package",)).lack("it needs") == (
        "it needs no_such_package: install the extra `api` (pip install '.[api]')"
    )
