"""OpenVINO GenAI's continuous batching with each row's own output length: its number of tokens is forced, not they."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reviser.peers import Row

CACHE_BLOCKS = 4096  # of 32 tokens: no request ever waits for memory


def is_installed() -> bool:
    return find_spec("openvino_genai") is not None


@contextmanager
def converted(model: Any, *, int8: bool) -> Iterator[Path]:
    """The model as GenAI reads it, by this project's own conversion."""
    from reviser.openvino.compression import compress
    from reviser.openvino.folder import MODEL
    from reviser.openvino.graph import cache_layers, trace
    from reviser.openvino.runtime import import_openvino

    with tempfile.TemporaryDirectory() as folder:
        graph = trace(model, cache_layers(model))
        if int8:
            compress(graph)
        import_openvino().save_model(graph, str(Path(folder) / MODEL), compress_to_fp16=False)
        model.config.save_pretrained(folder)
        model.generation_config.save_pretrained(folder)
        yield Path(folder)


class Genai:
    """A pipeline on one thread."""

    def __init__(self, folder: Path, *, int8: bool, slots: int) -> None:
        from reviser.openvino.decoder import open_pipeline, request_config
        from reviser.openvino.runtime import import_openvino

        self._config = request_config
        self._tensor = import_openvino().Tensor
        self._pipeline = open_pipeline(
            folder, cache_type="u8" if int8 else "f32", blocks=CACHE_BLOCKS, slots=slots, threads=1
        )

    def run(self, rows: list[Row]) -> None:
        handles = []
        for key, row in enumerate(rows):
            config = self._config((2,), len(row.output))
            config.ignore_eos = True
            handles.append(self._pipeline.add_request(key, self._tensor(np.array([row.prompt])), config))
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
        made = [len(handle.read_all()[0].generated_ids) for handle in handles]
        if made != [len(row.output) for row in rows]:
            sys.exit("OpenVINO GenAI did not write as many tokens as asked")
