"""The demo as a stranger meets it: one command, no shared data, revised by the bundled coach, and it says so."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from kafka import KafkaAdminClient

from tests.command_line import main

pytestmark = pytest.mark.slow


def test_the_demo_revises_with_the_bundled_coach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COACHLM_INTAKE_PROCESSES", "1")
    monkeypatch.delenv("COACHLM_DATA_DIR", raising=False)
    result = CliRunner().invoke(main, ["demo", "--output", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["engine"] == "coach"
    assert answer["rows"] == 81
    assert answer["report"]["counts"]["revisions_by_outcome"]["revised"] > 20
    assert "| coach | 81 |" in (tmp_path / "dataset" / "README.md").read_text(encoding="utf-8")


@pytest.mark.broker
def test_the_demo_through_kafka_comes_to_the_same_and_leaves_no_topic(kafka_server: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["demo", "--output", str(tmp_path), "--servers", kafka_server, "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    plain = CliRunner().invoke(main, ["demo", "--output", str(tmp_path / "plain"), "--json"])
    counts = json.loads(plain.stdout)["report"]["counts"]
    assert answer["rows"] == 81
    assert answer["excluded"] == 13
    assert answer["revisions"] == counts["revisions_by_outcome"]
    admin = KafkaAdminClient(bootstrap_servers=kafka_server.split(","))
    try:
        assert not [topic for topic in admin.list_topics() if topic.startswith("demo-")]
    finally:
        admin.close()
