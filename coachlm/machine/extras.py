"""What an installation may lack: the packages of an extra of pyproject.toml, and how to get them."""

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra and those of its packages (by the names they are imported by) whose absence is checked for."""

    name: str
    packages: tuple[str, ...]
    target: str = ""  # of make, where one sets it up and nothing else

    def missing(self) -> list[str]:
        return [package for package in self.packages if not _is_there(package)]

    @property
    def remedy(self) -> str:
        by_pip = f"install the extra `{self.name}` (pip install '.[{self.name}]')"
        return f"run `make {self.target}` in the checkout, or {by_pip}" if self.target else by_pip

    def lack(self, what_needs: str, *packages: str) -> str | None:
        """What to say where packages (by default all) are missing, `training needs` in front; None: they are there."""
        missing = [package for package in self.missing() if not packages or package in packages]
        return f"{what_needs} {', '.join(missing)}: {self.remedy}" if missing else None


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even the package around it is there
        return False


MODELS = Extra("reviser", ("torch", "transformers", "peft"), "reviser")
GGUF = Extra("reviser", ("gguf",), "reviser")
SERVERS = Extra("reviser", ("httpx",), "reviser")
WEB = Extra("api", ("httpx",))
OPENVINO = Extra("openvino", ("openvino", "openvino_genai", "tokenizers"), "openvino")
OTLP = Extra("otlp", ("opentelemetry.proto",))
METRICS = Extra("streams", ("prometheus_client",))
AGREEMENT = Extra("evaluation", ("krippendorff",))
PAGES = Extra("dashboard", ("streamlit",))
