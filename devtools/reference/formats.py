"""Every log format by name, in the order in which they are tried, and the file that reads it."""

import inspect
from pathlib import Path

from devtools.reference.blocks import sentence, table
from streams.reading.formats.registry import FORMATS

_ROOT = Path(__file__).parents[2]


def render_formats() -> str:
    rows = ((f"`{log.name}`", sentence(log.title), f"`{_file(log.read)}`") for log in FORMATS.values())
    return table(("name", "what it is", "read by"), rows)


def _file(function: object) -> str:
    source = inspect.getsourcefile(inspect.unwrap(function))  # pyright: ignore[reportArgumentType]
    return str(Path(source or "").relative_to(_ROOT))
