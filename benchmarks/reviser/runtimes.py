"""The runtimes outside torch that `benchmarks.reviser` compares with: OpenVINO GenAI and llama.cpp, where installed."""

import sys
from collections.abc import Callable
from typing import Any

from benchmarks.reviser import genai, llama_cpp_batches
from benchmarks.reviser.peers import Row

Note = Callable[[str, Callable[[], Any], int], None]
"""Measures a run over so many rows under a name."""
_CONTEXT_TOKENS = 1100  # a row's, at most, on average over the sequences under way


def note_runtimes(model: Any, kinds: dict[str, list[Row]], slot_counts: tuple[int, ...], note: Note) -> None:
    """Samples per CPU-second of each, on one thread, by kind of rows and requests at once."""
    if genai.is_installed():
        for numbers in ("int8", "float32"):
            _note_genai(model, numbers, kinds, slot_counts, note)
    else:
        print("OpenVINO GenAI is not installed: make openvino")
    if llama_cpp_batches.is_installed():
        for numbers in llama_cpp_batches.FORMATS:
            _note_llama_cpp(model, numbers, kinds, slot_counts, note)
    else:
        print("llama.cpp is not installed: make peers")


def _note_genai(
    model: Any, numbers: str, kinds: dict[str, list[Row]], slot_counts: tuple[int, ...], note: Note
) -> None:
    with genai.converted(model, int8=numbers == "int8") as folder:
        for slots in slot_counts:
            peer = genai.Genai(folder, int8=numbers == "int8", slots=slots)
            peer.run(kinds["mixed"][:2])  # warms up
            for kind, rows in kinds.items():
                note(f"OpenVINO {slots} {numbers}, {kind}", lambda peer=peer, rows=rows: peer.run(rows), len(rows))


def _note_llama_cpp(
    model: Any, numbers: str, kinds: dict[str, list[Row]], slot_counts: tuple[int, ...], note: Note
) -> None:
    with llama_cpp_batches.converted(model, numbers) as path:
        for slots in slot_counts:
            peer = llama_cpp_batches.LlamaCpp(path, slots, slots * _CONTEXT_TOKENS)
            error = llama_cpp_batches.logits_error(peer, model, kinds["mixed"][0].prompt)
            if numbers == "F32" and error > 1e-3:
                sys.exit(f"llama.cpp computes another model: its logits are {error:.1e} apart")
            peer.run(kinds["mixed"][:2])
            for kind, rows in kinds.items():
                note(f"llama.cpp {slots} {numbers}, {kind}", lambda peer=peer, rows=rows: peer.run(rows), len(rows))
            peer.close()
