"""Converted models of adapters, each made once: by a process of its own, so that pairs flow on and no torch stays.

Each is a whole model on disk, and a coach that is refreshed every week would fill it: with a new one, those go that no
worker has taken for the longest. A worker that has such a folder open keeps what it has mapped.
"""

import logging
import multiprocessing
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from coachlm.errors import ModelError
from coachlm.machine import extras
from coachlm.machine.processes import safe_path
from coachlm.pairs import content_hash
from reviser.models.adapter import Adapter, read_adapter
from reviser.openvino.folder import MANIFEST, ConvertedModel, Manifest, partial_folder, read_converted

log = logging.getLogger(__name__)

KEPT = 4  # the one in force, a canary, and two to roll back to


@dataclass(frozen=True, slots=True)
class _Conversion:
    """One under way."""

    process: Any
    answers: Connection
    target: Path


class AdapterConversions:
    """Adapters of one base, converted as that was. `cache` keeps the last `KEPT` that were taken; they are converted no
    more.
    """

    def __init__(self, base: ConvertedModel, cache: Path, *, trust_remote_code: bool = False) -> None:
        self._base = base
        self._cache = cache
        self._trust_remote_code = trust_remote_code
        self._under_way: dict[str, _Conversion] = {}
        self._failed: dict[str, str] = {}  # trying again and again would take a core

    def converted(self, adapter: Adapter, *, wait: bool) -> ConvertedModel:
        """Raises: ModelError, when it can't be converted, or without `wait` isn't converted yet: ask again later."""
        target = self._folder(adapter)
        if adapter.digest not in self._under_way and target.is_dir():
            return self._checked(adapter, target)
        if adapter.digest in self._failed:
            raise ModelError(self._failed[adapter.digest])
        conversion = self._under_way.get(adapter.digest) or self._begin(adapter, target)
        if not wait and not conversion.answers.poll():
            raise ModelError(f"adapter {adapter.folder} is being converted and taken when that is done")
        del self._under_way[adapter.digest]
        if (problem := _answer(conversion)) and not target.is_dir():  # another process may have been quicker
            self._failed[adapter.digest] = f"adapter {adapter.folder} can't be converted: {problem}"
            raise ModelError(self._failed[adapter.digest])
        model = self._checked(adapter, target)
        self._tidy()
        return model

    def close(self) -> None:
        """End what is under way."""
        for conversion in self._under_way.values():
            conversion.process.terminate()
            conversion.process.join()
            shutil.rmtree(partial_folder(conversion.target, conversion.process.pid), ignore_errors=True)
        self._under_way.clear()

    def _folder(self, adapter: Adapter) -> Path:
        manifest = self._base.manifest
        made_of = content_hash(str(manifest.base_digest), manifest.numbers, version("openvino"))
        return self._cache / f"{adapter.digest}-{made_of[:12]}"

    def _checked(self, adapter: Adapter, target: Path) -> ConvertedModel:
        model = read_converted(target)
        ours, theirs = self._base.manifest, model.manifest
        if (theirs.adapter, theirs.base_digest, theirs.numbers) != (adapter.digest, ours.base_digest, ours.numbers):
            raise ModelError(
                f"{target} was converted from another base or adapter than its name says (has the base at "
                f"{ours.base} changed?); remove it"
            )
        with suppress(OSError):  # a cache that was made ready and is only read
            os.utime(target / MANIFEST)
        return model

    def _tidy(self) -> None:
        """Those that were taken longest ago go; what is no converted model is nobody's to remove."""
        for manifest in sorted(self._cache.glob(f"*-*/{MANIFEST}"), key=_taken_at, reverse=True)[KEPT:]:
            log.info("%s is removed: %d converted adapters were taken since", manifest.parent, KEPT)
            shutil.rmtree(manifest.parent, ignore_errors=True)

    def _begin(self, adapter: Adapter, target: Path) -> _Conversion:
        if problem := extras.MODELS.lack(f"adapter {adapter.folder} isn't converted, and converting needs"):
            raise ModelError(
                f"{problem}; or where they are: coachlm convert {self._base.manifest.base} {target} --adapter "
                f"{adapter.folder}{' --int8' if self._base.manifest.numbers == 'int8' else ''}"
            )
        self._cache.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("spawn")
        answers, questions = context.Pipe(duplex=False)
        asked = (questions, self._base.manifest, target, adapter.folder, self._trust_remote_code)
        process = context.Process(target=_convert, args=asked, daemon=True)
        with safe_path():
            process.start()
        questions.close()  # the child's end alone: its death is an answer too
        self._under_way[adapter.digest] = _Conversion(process, answers, target)
        return self._under_way[adapter.digest]


def _taken_at(manifest: Path) -> float:
    try:
        return manifest.stat().st_mtime
    except OSError:  # another worker has just removed it
        return 0.0


def _answer(conversion: _Conversion) -> str | None:
    """What went wrong; waits for it."""
    try:
        return conversion.answers.recv()
    except EOFError:
        conversion.process.join()
        return f"the process that converted it died (exit code {conversion.process.exitcode}); is there memory for it?"
    finally:
        conversion.answers.close()
        conversion.process.join()


def _convert(answers: Connection, base: Manifest, target: Path, adapter: Path, trust_remote_code: bool) -> None:
    from reviser.openvino.conversion import convert

    try:
        convert(
            base.base,
            target,
            revision=base.base_revision,
            trust_remote_code=trust_remote_code,
            adapter=read_adapter(adapter),
            int8=base.numbers == "int8",
        )
    except ModelError as error:
        answers.send(str(error))
    else:
        answers.send(None)
