import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from coachlm.errors import SettingsError
from coachlm.settings import load_settings, named_settings

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def rows() -> list[str]:
    """What docs/reference/settings.md must say of every field."""
    lines = []
    for each in named_settings().values():
        default = each.field.default
        default = default.get_secret_value() if isinstance(default, SecretStr) else default
        shown = (
            "–" if default in (None, "", ()) else f"`{','.join(default) if isinstance(default, tuple) else default}`"
        )
        lines.append(f"| `{each.variable}` | {shown} | {each.field.description} |")
    return lines


def test_the_document_lists_every_setting_with_its_default() -> None:
    documented = DOCUMENT.read_text(encoding="utf-8").splitlines()
    assert [row for row in rows() if row not in documented] == []
    assert len([line for line in documented if line.startswith("| `COACHLM_")]) == len(named_settings())


def test_a_flag_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "coachlm.env"
    file.write_text("COACHLM_BATCH_RECORDS=10\nCOACHLM_MAX_NEW_TOKENS=20\nCOACHLM_LEASE_SECONDS=30\n")
    monkeypatch.setenv("COACHLM_MAX_NEW_TOKENS", "21")
    monkeypatch.setenv("COACHLM_LEASE_SECONDS", "31")
    settings = load_settings(file, lease_seconds=32)
    assert (settings.intake.batch_records, settings.reviser.max_new_tokens, settings.desk.lease_seconds) == (10, 21, 32)


def test_a_wrong_value_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COACHLM_BATCH_RECORDS", "hunter2")
    with pytest.raises(SettingsError, match="COACHLM_BATCH_RECORDS") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)


def test_languages_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COACHLM_LANGUAGES", "en,de")
    assert load_settings().filters.languages == ("en", "de")


def test_passwords_are_not_shown() -> None:
    settings = load_settings(database_url="postgresql://u:hunter2@h/d")
    assert "hunter2" not in repr(settings)


def test_groups_hold_every_setting_once_and_its_default_is_taken() -> None:
    settings = load_settings()
    names = [each.name for each in named_settings().values()]
    assert len(set(names)) == len(names) > 100
    assert {(each.group, each.attribute) for each in named_settings().values()} == {
        (group, attribute) for group, inner in settings for attribute, _ in inner
    }
    for each in named_settings().values():
        if each.variable not in os.environ:
            assert each.value(settings) == each.field.default


def test_every_default_could_have_been_given() -> None:
    settings = load_settings()
    defaults = {each.name: each.field.default for each in named_settings().values()}
    assert settings.replaced(**defaults).replaced(lease_seconds=77).desk.lease_seconds == 77


def test_a_copy_with_other_values_checks_them_and_leaves_the_first_as_it_was() -> None:
    settings = load_settings(adapter="folder", lease_seconds=40)
    other = settings.replaced(adapter=None, kafka_servers="a:1, b:2")
    assert (other.reviser.adapter, other.kafka.servers, other.desk.lease_seconds) == (None, ("a:1", "b:2"), 40)
    assert settings.reviser.adapter == "folder"
    with pytest.raises(SettingsError, match=r"COACHLM_LEASE_SECONDS.*; COACHLM_API_PORT") as caught:
        settings.replaced(lease_seconds=1, api_port=99_999)
    assert "99999" not in str(caught.value)


def test_a_setting_that_does_not_exist_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="'leese_seconds'"):
        load_settings(leese_seconds=1)


@pytest.mark.parametrize("name", ["COACHLM_BATCH_RECORDS", "coachlm_batch_records"])
def test_variables_count_in_either_case_and_others_are_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "11")
    monkeypatch.setenv("COACHLM_SOMETHING_ELSE", "x")
    assert load_settings().intake.batch_records == 11


def test_the_file_in_the_working_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "coachlm.env").write_text('# ours\nexport COACHLM_KAFKA_PREFIX="a b."\nCOACHLM_MODEL=\nOTHER=1\n')
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert (settings.kafka.prefix, settings.reviser.model) == ("a b.", "")
