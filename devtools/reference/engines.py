"""The engines as a table in Markdown, for the reference: `python -m devtools.engine_table`."""

from coachlm.coaching.engines import ENGINES, Engine

_COLUMNS = ("engine", "what it is", "needs", "`COACHLM_MODEL`", "adapters", "samples", "int8")


def engine_table() -> str:
    lines = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_row, ENGINES.values())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _row(engine: Engine) -> tuple[str, ...]:
    extra = engine.extra
    needs = [f"{', '.join(extra.packages)} (`make {extra.target}`)"] if extra else []
    needs += ["`COACHLM_OPENAI_SERVERS`"] if engine.servers else []
    marks = ("yes" if each else "no" for each in (engine.samples, engine.int8))
    return f"`{engine.name}`", engine.help, "; ".join(needs) or "–", engine.model, engine.adapters, *marks


if __name__ == "__main__":
    print(engine_table(), end="")
