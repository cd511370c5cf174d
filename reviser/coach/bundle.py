"""The bundled coach: a base, and the LoRA adapter that is shipped with it merged in."""

from pathlib import Path

from coachlm.coaching.model_facts import adapter_digest
from coachlm.errors import ModelError
from reviser.coach.adapted import with_adapter
from reviser.coach.base import MANIFEST, REMEDY, Bundle, read_base, read_manifest
from reviser.models.adapter import read_adapter

COACH = "coach"  # the bundled coach's name where a base is asked for
BUNDLE = Path(__file__).parent / "bundle"
ADAPTER = "adapter"  # its folder within the bundle, and its digest in the manifest


def coach_folder(base: str) -> Path | None:
    """The folder of the coach that a base's name means: `coach` is the bundled one; None for any other model."""
    if base == COACH:
        return BUNDLE
    folder = Path(base)
    return folder if is_bundled(folder) else None


def is_bundled(folder: Path = BUNDLE) -> bool:
    """Whether a coach is shipped with this package."""
    return (folder / MANIFEST).is_file()


def read_bundle(folder: Path = BUNDLE) -> Bundle:
    """The coach of a folder, as it revises and as further adapters are tuned on it.

    Its digest is that of the shipped adapter, which names its base; without one, the base's. The adapter's leak guard
    has nothing to guard: it learned damage made to public text, which the base has seen too, and nobody's revisions.
    Raises: ModelError, naming the file and the remedy.
    """
    base, shipped = read_base(folder), read_manifest(folder).get(ADAPTER)
    if shipped is None:
        return base
    if adapter_digest(folder / ADAPTER) != shipped:
        raise ModelError(f"coach {folder}: its {ADAPTER} is not the one that was shipped (digest mismatch); {REMEDY}")
    try:
        return with_adapter(base, read_adapter(folder / ADAPTER))
    except ModelError as error:
        raise ModelError(f"coach {folder}: {error}; {REMEDY}") from error
