"""What `coachlm doctor` says of a machine, and that it changes nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from storage.engine.database import open_database
from storage.engine.schema import upgrade
from tests.command_line import main


def findings(url: str) -> tuple[int, dict[str, dict[str, str]]]:
    result = CliRunner().invoke(main, ["doctor", "--db", url, "--engine", "rules", "--json"])
    return result.exit_code, {found["name"]: found for found in json.loads(result.stdout)["findings"]}


@pytest.mark.slow
def test_a_database_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    code, found = findings(f"sqlite:///{file}")
    assert code == 0
    assert "isn't there yet" in found["database"]["detail"]
    assert not file.exists()


def test_where_adapters_are_followed_the_engine_is_built_and_no_database_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`registry` is no folder of an adapter."""
    monkeypatch.setenv("COACHLM_ADAPTER", "registry")
    file = tmp_path / "new.db"
    asked = ["doctor", "--db", f"sqlite:///{file}", "--engine", "coach", "--json"]
    for is_there in (False, True):
        found = {one["name"]: one for one in json.loads(CliRunner().invoke(main, asked).stdout)["findings"]}
        assert (found["engine"]["verdict"], file.exists()) == ("ok", is_there)
        assert "`coach`" in found["engine"]["detail"]
        database = open_database(f"sqlite:///{file}")
        upgrade(database)
        database.close()


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    code, found = findings(f"sqlite:///{tmp_path / 'nowhere' / 'new.db'}")
    assert code == 1
    assert found["database"]["verdict"] == "failed"
    assert "nowhere" in found["database"]["detail"]


@pytest.mark.parametrize("content", [b"", b"no database"])
def test_a_file_that_is_no_database_of_ours_is_told_from_one(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    file.write_bytes(content)
    code, found = findings(f"sqlite:///{file}")
    assert (code == 0) == (content == b""), found


def test_a_database_of_this_version_is_fine(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'there.db'}"
    database = open_database(url)
    upgrade(database)
    database.close()
    code, found = findings(url)
    assert code == 0
    assert "reachable" in found["database"]["detail"]
