"""Adapter folders in a shared place: a local folder, or any file system that fsspec reaches by URL (S3 and the like).

A folder is named by its content digest and checked against it whenever it is fetched, so a half-written or altered one
is never loaded.
"""

import shutil
from pathlib import Path, PurePosixPath
from typing import Protocol, cast
from uuid import uuid4

import fsspec  # pyright: ignore[reportMissingTypeStubs]  # it has no types; `_Files` says what is used of it

from coachlm.coaching.model_facts import adapter_digest
from coachlm.errors import StoreError
from coachlm.machine.files import scratch_folder


class _Files(Protocol):
    """What is used of a file system of fsspec, which has no types."""

    def exists(self, path: str) -> bool: ...
    def size(self, path: str) -> int | None: ...
    def makedirs(self, path: str, exist_ok: bool) -> None: ...
    def put_file(self, lpath: str, rpath: str) -> None: ...
    def get_file(self, rpath: str, lpath: str) -> None: ...
    def find(self, path: str) -> list[str]: ...


class AdapterArtifacts:
    """Publishes adapter folders under `root` and fetches them into `cache`.

    Raises (all): StoreError, naming the place and the remedy.
    """

    def __init__(self, root: str, cache: Path) -> None:
        self._root = root if "://" in root else str(Path(root).absolute())
        self._cache = cache

    def publish(self, folder: Path) -> str:
        """The URL of the folder's copy. Idempotent; a publication that was cut short is completed."""
        digest = adapter_digest(folder)
        url = f"{self._root.rstrip('/')}/{digest}"
        files, target = _file_system(url)
        try:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                remote = f"{target}/{path.relative_to(folder).as_posix()}"
                if not (files.exists(remote) and files.size(remote) == path.stat().st_size):
                    files.makedirs(remote.rpartition("/")[0], exist_ok=True)
                    files.put_file(str(path), remote)
        except Exception as error:  # every file system has errors of its own
            raise StoreError(
                f"adapter {digest[:12]} can't be published to {_shown(url)}: {error}; run it again"
            ) from error
        self.fetch(url, digest, fresh=True)  # what a worker will see
        return url

    def fetch(self, url: str, digest: str, *, fresh: bool = False) -> Path:
        """A local folder with the adapter, its content checked."""
        kept = self._cache / digest
        if kept.is_dir():
            if not fresh and adapter_digest(kept) == digest:
                return kept
            shutil.rmtree(kept)
        try:
            with scratch_folder(self._cache / f".{digest}.{uuid4().hex[:8]}") as partial:
                _download(url, partial)
                _check_content(url, digest, partial)
                if not kept.is_dir():
                    partial.rename(kept)
        except OSError as error:
            if not kept.is_dir():  # another process may have been quicker
                raise StoreError(f"the adapter can't be kept in {self._cache}: {error}; make room") from error
        return kept


def _check_content(url: str, digest: str, folder: Path) -> None:
    found = adapter_digest(folder)
    if found != digest:
        raise StoreError(
            f"the adapter at {_shown(url)} is not {digest[:12]} but {found[:12]}: it was altered or cut short; "
            "publish it again, or reject it in the registry"
        )


def _file_system(url: str) -> tuple[_Files, str]:
    try:
        return cast("tuple[_Files, str]", fsspec.core.url_to_fs(url))  # pyright: ignore[reportUnknownMemberType]  # untyped
    except (ValueError, ImportError) as error:
        raise StoreError(
            f"no file system for {_shown(url)}: {error}; give a folder or a URL, and install what fsspec needs for it"
        ) from error


def _download(url: str, target: Path) -> None:
    files, root = _file_system(url)
    try:
        names = files.find(root)
        if not names:
            raise FileNotFoundError(root)
        for name in names:
            relative = PurePosixPath(str(name)).relative_to(PurePosixPath(root))
            if ".." in relative.parts:
                raise ValueError(f"{relative} leads out of the folder")
            local = target.joinpath(*relative.parts)
            local.parent.mkdir(parents=True, exist_ok=True)
            files.get_file(name, str(local))
    except Exception as error:  # every file system has errors of its own
        raise StoreError(
            f"the adapter can't be fetched from {_shown(url)}: {error!r}; is the place reachable?"
        ) from error


def _shown(url: str) -> str:
    """Without user and password."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}" if separator else url
