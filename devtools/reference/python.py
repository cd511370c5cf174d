"""The Python client's classes, their methods and the exceptions that they raise."""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import api.client
from api.client.errors import ServiceError
from devtools.reference.blocks import sentence, table

_INSIDE = frozenset({"connection", "errors"})


def render_client() -> str:
    return "\n\n".join(f"### {kind.__name__}\n\n{_about(kind)}\n\n{_methods(kind)}" for kind in _classes())


def render_errors() -> str:
    kinds = [ServiceError, *ServiceError.__subclasses__()]
    return table(("exception", "when"), ((f"`{kind.__name__}`", _about(kind)) for kind in kinds))


def _classes() -> Iterator[type]:
    for module in pkgutil.iter_modules(api.client.__path__):
        if module.name in _INSIDE:
            continue
        inside = import_module(f"api.client.{module.name}")
        for name, kind in vars(inside).items():
            if inspect.isclass(kind) and kind.__module__ == inside.__name__ and not name.startswith("_"):
                yield kind


def _methods(kind: type) -> str:
    rows = [
        (f"`{name}{_signature(method)}`", _about(method))
        for name, method in vars(kind).items()
        if inspect.isfunction(method) and not name.startswith("_")
    ]
    return table(("method", "what it does"), rows) if rows else ""


def _signature(method: object) -> str:
    signature = inspect.signature(method)  # pyright: ignore[reportArgumentType]
    shown = ", ".join(_parameter(parameter) for name, parameter in signature.parameters.items() if name != "self")
    return f"({shown})"


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    default = "" if parameter.default is inspect.Parameter.empty else f"={_plain(parameter.default)}"
    return f"{stars}{parameter.name}{default}"


def _plain(value: object) -> str:
    return repr(getattr(value, "value", value))


def _about(thing: object) -> str:
    text = inspect.getdoc(thing) or ""
    return sentence(text.split("\n\n")[0])
