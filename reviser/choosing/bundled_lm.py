"""The language-model coach that comes along: an adapter, and what chooses between its candidates. Its base does not.

`--adapter bundled-lm` means its folder; the base is what `make coach-lm` makes, unless another folder of it is given.
"""

from pathlib import Path

import coachlm
from coachlm.errors import ModelError
from coachlm.settings import Settings

BUNDLED_LM = "bundled-lm"
"""The value of `adapter` that means it."""
FOLDER = Path(coachlm.__file__).parent / "data" / "coach_lm"
ADAPTER = FOLDER / "adapter"
_BASE = Path("build") / "coach-lm" / "SmolLM2-135M-Instruct"


def bundled_lm_base() -> Path | None:
    """Where `make coach-lm` put the base: under the folder that we are in, or under this checkout."""
    places = (Path.cwd() / _BASE, Path(coachlm.__file__).parents[1] / _BASE)
    return next((place for place in places if (place / "config.json").is_file()), None)


def with_bundled_lm(settings: Settings) -> Settings:
    """With the folders that `bundled-lm` means; as they are where another adapter is named.

    Raises: ModelError, where the adapter or the base is not here, with the remedy.
    """
    if settings.reviser.adapter != BUNDLED_LM:
        return settings
    if not (ADAPTER / "adapter_config.json").is_file():
        raise ModelError(f"adapter {BUNDLED_LM}: {ADAPTER} is not here; install the package with its data")
    base = settings.reviser.model or bundled_lm_base()
    if base is None:
        raise ModelError(
            f"adapter {BUNDLED_LM}: its base is not here; `make coach-lm` makes it, or give its folder (--model)"
        )
    return settings.replaced(adapter=str(ADAPTER), model=str(base))
