"""Which generated part stands in which page."""

from collections.abc import Callable

from devtools.reference.commands import render_commands
from devtools.reference.engines import render_engines
from devtools.reference.formats import render_formats
from devtools.reference.http import render_routes
from devtools.reference.python import render_client, render_errors
from devtools.reference.reasons import render_reasons
from devtools.reference.settings import render_settings

SECTIONS: dict[tuple[str, str], Callable[[], str]] = {
    ("commands.md", "commands"): render_commands,
    ("settings.md", "settings"): render_settings,
    ("settings.md", "engines"): render_engines,
    ("http.md", "routes"): render_routes,
    ("python.md", "client"): render_client,
    ("python.md", "errors"): render_errors,
    ("formats.md", "formats"): render_formats,
    ("reasons.md", "reasons"): render_reasons,
}
