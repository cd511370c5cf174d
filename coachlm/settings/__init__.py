"""All settings, read from `COACHLM_*` variables and an optional file by the entry points alone and passed on."""

from coachlm.settings.intake import Turns
from coachlm.settings.loading import load_settings
from coachlm.settings.reviser import REGISTRY
from coachlm.settings.tree import Settings, named_settings

__all__ = ["REGISTRY", "Settings", "Turns", "load_settings", "named_settings"]
