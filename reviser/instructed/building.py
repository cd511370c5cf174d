"""Instructions and examples as the settings say."""

from collections.abc import Callable, Iterable
from pathlib import Path

from coachlm.errors import SettingsError
from coachlm.settings import Settings
from coachlm.settings.instructing import EXAMPLE_SOURCES
from reviser.instructed.examples import Example, ExampleStore, bundled_examples, file_examples, withheld_instructions
from reviser.instructed.prompts import Form, Instructions

ENOUGH_APPROVED = 50
"""Approved pairs from which on a database is worth more than the bundled revisions."""
_MOST_GUIDELINES = 20_000  # characters; they go with every request


def instructions_of(settings: Settings, form: Form) -> Instructions:
    """Raises: SettingsError."""
    return Instructions(form, _guidelines(settings.instructing.guidelines), settings.instructing.shown)


def example_store(
    settings: Settings, approved: Iterable[Example] | None = None, conversation_of: Callable[[str], str] = lambda _: ""
) -> ExampleStore:
    """`approved`: the database's approved pairs, None where there is no database. Raises: SettingsError."""
    source = settings.instructing.examples
    if settings.instructing.shown == 0 or source == "none":
        return ExampleStore([])
    if source not in EXAMPLE_SOURCES:
        found = file_examples(Path(source).expanduser())
    elif source == "bundled" or (approved is None and source == "auto"):
        found = bundled_examples()
    elif approved is None:
        raise SettingsError("COACHLM_COACH_EXAMPLES=database: this command has no database; take `bundled` or a file")
    else:
        found = list(approved)
        if source == "auto" and len(found) < ENOUGH_APPROVED:
            found = bundled_examples()
    return ExampleStore(found, conversation_of, withheld_instructions())


def _guidelines(name: str | None) -> str:
    if not name:
        return ""
    try:
        text = Path(name).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"COACHLM_COACH_GUIDELINES: {name} can't be read: {error}") from error
    if len(text) > _MOST_GUIDELINES:
        raise SettingsError(
            f"COACHLM_COACH_GUIDELINES: {name} has {len(text):,} characters, and they go with every request; keep the "
            f"{_MOST_GUIDELINES:,} that matter most"
        )
    return text
