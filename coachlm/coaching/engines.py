"""The engines there are: what each needs and can do. Commands, settings, doctor and documents read this table, and
`reviser.engines` has a builder for each of its names."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from coachlm.errors import SettingsError
from coachlm.machine.extras import MODELS, OPENVINO, SERVERS, Extra


class Model(StrEnum):
    """What `COACHLM_MODEL` is to an engine."""

    UNUSED = "not used"
    COACH = "a bundled kind of coach, by name or folder; the bundled one where it is empty"
    TRANSFORMERS = "a model folder or hub id"
    CONVERTED = "a folder that `coachlm convert` made"
    SERVED = "the model's name on the servers"


class Adapters(StrEnum):
    """What an engine does with `COACHLM_ADAPTER`."""

    NONE = "none"
    FIXED_OR_FOLLOWED = "one, or the registry's"  # a change builds the engine anew
    CHANGED_IN_PLACE = "one, or the registry's, changed while pairs flow"


@dataclass(frozen=True, slots=True)
class Engine:
    """What of an engine is known without importing it."""

    name: str
    help: str
    note: str = ""  # beside its name in lists
    extra: Extra | None = None  # whose packages have to be importable
    model: Model = Model.UNUSED
    adapters: Adapters = Adapters.NONE
    servers: bool = False  # works on OpenAI-compatible servers
    samples: bool = False  # can draw tokens
    int8: bool = False
    instructed: bool = False  # takes a chat model that is told what to do
    revises: bool = True

    def missing(self) -> list[str]:
        return self.extra.missing() if self.extra else []


_ALL = (
    Engine("rules", "copy-editing by rules"),
    Engine(
        "coach",
        "the bundled coach: copy-editing alone, on the CPU",
        note="bundled, copy-editing",
        model=Model.COACH,
        adapters=Adapters.FIXED_OR_FOLLOWED,
    ),
    Engine(
        "packed",
        "a model of transformers, many pairs at once",
        note="a model of transformers",
        extra=MODELS,
        model=Model.TRANSFORMERS,
        adapters=Adapters.CHANGED_IN_PLACE,
        samples=True,
        int8=True,
        instructed=True,
    ),
    Engine(
        "openvino",
        "a converted model on the CPU, without torch",
        note="a converted one, without torch",
        extra=OPENVINO,
        model=Model.CONVERTED,
        adapters=Adapters.CHANGED_IN_PLACE,
        int8=True,
        instructed=True,
    ),
    Engine(
        "transformers",
        "a model by the library's own generate",
        extra=MODELS,
        model=Model.TRANSFORMERS,
        adapters=Adapters.FIXED_OR_FOLLOWED,
        samples=True,
        int8=True,
        instructed=True,
    ),
    Engine(
        "openai",
        "a model on OpenAI-compatible servers",
        extra=SERVERS,
        model=Model.SERVED,
        adapters=Adapters.FIXED_OR_FOLLOWED,
        servers=True,
        instructed=True,
    ),
    Engine("none", "pairs are taken in and not revised", revises=False),
)
ENGINES = {engine.name: engine for engine in _ALL}


def engine_names(having: Callable[[Engine], bool] = lambda _: True) -> tuple[str, ...]:
    """Those for which `having` holds, in the table's order."""
    return tuple(name for name, engine in ENGINES.items() if having(engine))


def in_words(names: tuple[str, ...], *, notes: bool = False) -> str:
    """As a sentence lists them: `a`, `b` (note) or `c`."""
    shown = [f"`{name}`" + (f" ({note})" if notes and (note := ENGINES[name].note) else "") for name in names]
    return " or ".join(part for part in (", ".join(shown[:-1]), shown[-1]) if part)


def check_revises(name: str, asked_by: str = "") -> None:
    """Raises: SettingsError for `none`; `asked_by` says who named it."""
    if not ENGINES[name].revises:
        some = in_words(engine_names(lambda engine: engine.revises))
        raise SettingsError(f"{asked_by}engine `{name}` revises nothing; choose {some}")
