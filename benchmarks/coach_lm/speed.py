"""How many pairs each engine revises a CPU-second on the real model: greedy, one text a pair, as all of them can."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.coach_lm.run import Coach, timed
from coachlm.coaching.engines import ENGINES
from coachlm.pairs import InstructionPair
from coachlm.settings import Settings


def speeds(coach: Coach, raws: Sequence[InstructionPair]) -> dict[str, float]:
    """`raws`: best a few slots full; `transformers` gets a quarter of them, for it takes far longer."""
    found = {
        "packed_int8": _pairs_per_cpu_second(coach.settings(), raws),
        "packed_float32": _pairs_per_cpu_second(coach.settings(int8=False), raws),
        "transformers_float32": _pairs_per_cpu_second(
            coach.settings("transformers", int8=False), raws[: len(raws) // 4]
        ),
    }
    if not ENGINES["openvino"].missing():
        found["openvino_int8"] = _openvino(coach, raws)
    return found


def _openvino(coach: Coach, raws: Sequence[InstructionPair]) -> float:
    from reviser.models.adapter import read_adapter
    from reviser.openvino.conversion import convert

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "converted"
        convert(coach.base, target, adapter=read_adapter(Path(coach.adapter)), int8=True)
        return _pairs_per_cpu_second(coach.settings("openvino", model=str(target), adapter=None), raws)


def _pairs_per_cpu_second(settings: Settings, raws: Sequence[InstructionPair]) -> float:
    made = timed(settings, raws)
    return round(len(raws) / made.cpu_seconds, 4) if made.cpu_seconds else 0.0
