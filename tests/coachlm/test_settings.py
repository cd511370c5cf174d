from pathlib import Path

import pytest
from pydantic import SecretStr

from coachlm.errors import SettingsError
from coachlm.settings import Settings, load_settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def rows() -> list[str]:
    """What docs/reference/settings.md must say of every field."""
    lines = []
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        shown = (
            "–" if default in (None, "", ()) else f"`{','.join(default) if isinstance(default, tuple) else default}`"
        )
        lines.append(f"| `COACHLM_{name.upper()}` | {shown} | {field.description} |")
    return lines


def test_the_document_lists_every_setting_with_its_default() -> None:
    documented = DOCUMENT.read_text(encoding="utf-8").splitlines()
    assert [row for row in rows() if row not in documented] == []
    assert len([line for line in documented if line.startswith("| `COACHLM_")]) == len(Settings.model_fields)


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "coachlm.env"
    file.write_text("COACHLM_BATCH_RECORDS=10\nCOACHLM_MAX_NEW_TOKENS=20\nCOACHLM_LEASE_SECONDS=30\n")
    monkeypatch.setenv("COACHLM_MAX_NEW_TOKENS", "21")
    monkeypatch.setenv("COACHLM_LEASE_SECONDS", "31")
    settings = load_settings(file, lease_seconds=32)
    assert (settings.batch_records, settings.max_new_tokens, settings.lease_seconds) == (10, 21, 32)


def test_a_wrong_value_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COACHLM_BATCH_RECORDS", "hunter2")
    with pytest.raises(SettingsError, match="COACHLM_BATCH_RECORDS") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_languages_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COACHLM_LANGUAGES", "en,de")
    assert load_settings().languages == ("en", "de")


def test_passwords_are_not_shown() -> None:
    settings = load_settings(database_url="postgresql://u:hunter2@h/d")
    assert "hunter2" not in repr(settings)
