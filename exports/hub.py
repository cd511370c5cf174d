"""Puts an export on a hub for data sets (Hugging Face's, or another that speaks like it: HF_ENDPOINT).

The token comes from the environment alone and stands in no message. A data set that isn't there yet is made private.
"""

import os
import re
from pathlib import Path
from typing import Any

from coachlm.errors import ExportError
from exports.export import CARD_NAME, DATA_NAMES
from exports.llama_factory import INFO_NAME, is_ours
from exports.manifest import MANIFEST_NAME, Manifest

_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def check_hub(repository: str) -> None:
    """That everything is there to upload, before anything is written. Raises: ExportError, naming what is missing."""
    if not _REPOSITORY.fullmatch(repository):
        raise ExportError(f"{repository!r} names no data set of a hub; write OWNER/NAME")
    _token()
    try:
        import huggingface_hub  # noqa: F401
    except ImportError as error:
        raise ExportError("uploading needs huggingface_hub; install it: pip install 'coachlm-platform[hub]'") from error


def push_dataset(folder: Path, manifest: Manifest, repository: str, *, public: bool = False) -> str:
    """Upload the files of an export, and nothing else that lies in the folder, in one commit in place of an earlier
    export there. Returns the data set's address. Who may read a data set that is there already stays as it is.

    Raises: ExportError, without the token.
    """
    check_hub(repository)
    token = _token()
    files = [*(file.name for file in manifest.files), CARD_NAME, MANIFEST_NAME]
    files += [INFO_NAME] if is_ours(folder / INFO_NAME) else []
    try:
        return _upload(folder, files, repository, token, private=not public)
    except Exception as error:  # noqa: BLE001  # whatever the library and the network below it raise
        said = f"{type(error).__name__}: {error}".replace(token, "…")
        raise ExportError(
            f"can't upload to {repository}: {' '.join(said.split())[:500]}. The data set is whole in {folder}; check "
            "the name, the token's rights and the network, then export again"
        ) from None


def _upload(folder: Path, files: list[str], repository: str, token: str, *, private: bool) -> str:
    from huggingface_hub import HfApi

    hub: Any = HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token)
    address = hub.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
    hub.upload_folder(
        repo_id=address.repo_id,
        repo_type="dataset",
        folder_path=folder,
        allow_patterns=files,
        delete_patterns=[name for name in DATA_NAMES if name not in files],
        commit_message="Data set of CoachLM",
    )
    return str(address)


def _token() -> str:
    """Raises: ExportError."""
    token = next((value for name in _TOKENS if (value := os.environ.get(name, "").strip())), None)
    if token is None:
        raise ExportError("uploading needs a token that may write: set HF_TOKEN in the environment")
    return token
