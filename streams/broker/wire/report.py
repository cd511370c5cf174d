"""How workers say what state they are in."""

from typing import Protocol


class Report(Protocol):
    """Told of every change of state, from any thread."""

    def __call__(self, state: str, /, **facts: object) -> None: ...
