"""The table of engines, from `coachlm.coaching.engines`."""

from coachlm.coaching.engines import ENGINES, Engine
from devtools.reference.blocks import table

_COLUMNS = ("engine", "what it is", "needs", "`COACHLM_MODEL`", "adapters", "instructed", "samples", "int8")


def render_engines() -> str:
    return table(_COLUMNS, map(_row, ENGINES.values()))


def _row(engine: Engine) -> tuple[str, ...]:
    extra = engine.extra
    needs = [f"{', '.join(extra.packages)} (`make {extra.target}`)"] if extra else []
    needs += ["`COACHLM_OPENAI_SERVERS`"] if engine.servers else []
    marks = ("yes" if each else "no" for each in (engine.instructed, engine.samples, engine.int8))
    return f"`{engine.name}`", engine.help, "; ".join(needs) or "–", engine.model, engine.adapters, *marks
