"""Capturing device work once to replay it later: a CUDA graph, or its stand-in where there is no CUDA.

A graph knows addresses, not variables: what is replayed reads and writes the very tensors of the capture.
"""

from collections.abc import Callable
from typing import Protocol

import torch


class Graphs(Protocol):
    """Makes replays of work that has run at least once before."""

    def capture(self, run: Callable[[], None]) -> Callable[[], None]:
        """Raises: RuntimeError, when the device can't capture it; nothing has changed then."""
        ...


class CudaGraphs:
    """CUDA graphs that share one pool of memory: they run one at a time and leave nothing in it."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def capture(self, run: Callable[[], None]) -> Callable[[], None]:
        graph = torch.cuda.CUDAGraph()
        # Of this thread alone: what others do with the device meanwhile doesn't end the capture.
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            run()
        return graph.replay


class Rerun:
    """Does the work anew each time, on the same tensors: for devices without graphs, and after a failed capture."""

    def capture(self, run: Callable[[], None]) -> Callable[[], None]:
        return run
