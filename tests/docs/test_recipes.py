"""The recipes for sending and pulling do what they say: their settings and commands are taken from the pages."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import openai
import pytest
import yaml
from click.testing import CliRunner

from coachlm.machine.waiting import Backoff
from streams.pulling import web
from tests.api.service import Service, running_service, token_of
from tests.command_line import main
from tests.docs.shell_examples import ROOT, command_lines
from tests.reviser.chat_server import Handler
from tests.streams.pulling.log_services import KEY, PUBLIC, SECRET, log_services

pytestmark = pytest.mark.slow

RECEIVE, PULL = ROOT / "docs" / "how-to" / "receive-logs.md", ROOT / "docs" / "how-to" / "pull-logs.md"
ADDRESS = "http://127.0.0.1:8080"
MESSAGES = [{"role": "user", "content": "Is it a good idea to eat apples for breakfast?"}]


@pytest.fixture
def service(sqlite_databases) -> Iterator[Service]:
    with running_service(sqlite_databases.new()) as service:
        yield service
    sqlite_databases.drop()


def section(title: str, language: str) -> str:
    """The first block of a language under a heading."""
    text = RECEIVE.read_text("utf-8").split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found is not None, title
    return found[1]


def exported(title: str, service: Service) -> dict[str, str]:
    """What a recipe's `export` lines set."""
    lines = [line for line in section(title, "sh").splitlines() if line.startswith("export ")]
    script = "\n".join(lines).replace(ADDRESS, service.url)
    environment = {"TOKEN": token_of("ines").text, "PATH": os.environ["PATH"]}
    told = subprocess.run(["sh", "-euc", f"{script}\nenv"], env=environment, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in told.stdout.splitlines() if "=" in line)


def pairs(service: Service) -> int:
    return service.services.reader.flow_counts().pairs


def test_by_hand(service: Service) -> None:
    script = section("By hand", "sh").replace(ADDRESS, service.url)
    environment = {"TOKEN": token_of("ines").text, "PATH": os.environ["PATH"]}
    told = subprocess.run(["sh", "-euc", script], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == "{}"
    assert pairs(service) == 1


def test_openinference_with_the_variables_of_the_sdk(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in exported("OpenTelemetry's SDK", service).items():
        if name.startswith("OTEL_EXPORTER"):
            monkeypatch.setenv(name, value)
    names: dict[str, Any] = {}
    exec(section("OpenInference", "python"), names)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        with openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none") as client:
            client.chat.completions.create(model="prose", messages=MESSAGES)
    finally:
        names["OpenAIInstrumentor"]().uninstrument()
        names["provider"].shutdown()
        server.shutdown()
        thread.join()
        server.server_close()
    assert pairs(service) == 1


@pytest.mark.parametrize(
    ("title", "base", "headers"),
    [
        ("OpenTelemetry's SDK", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"),
        ("OpenLLMetry", "TRACELOOP_BASE_URL", "TRACELOOP_HEADERS"),
    ],
)
def test_addresses_and_headers_of_exporters(service: Service, title: str, base: str, headers: str) -> None:
    given = exported(title, service)
    name, value = given[headers].split("=", 1)
    answer = httpx.post(f"{given[base]}/v1/traces", json={}, headers={name: value.replace("%20", " ")})
    assert answer.status_code == 200


def test_a_collectors_exporter(service: Service) -> None:
    [exporter] = yaml.safe_load(section("An OpenTelemetry Collector", "yaml"))["exporters"].values()
    token = exporter["headers"]["Authorization"].replace("${env:COACHLM_TOKEN}", token_of("ines").text)
    url = f"{exporter['endpoint']}/v1/logs".replace(ADDRESS, service.url)
    assert httpx.post(url, json={}, headers={"Authorization": token}).status_code == 200


def test_litellm(service: Service) -> None:
    given = exported("LiteLLM", service)
    name, value = given["GENERIC_LOGGER_HEADERS"].split("=", 1)
    reply = {"choices": [{"message": {"role": "assistant", "content": "Yes, it is quite a good idea."}}]}
    payload = {"id": "1", "call_type": "completion", "messages": MESSAGES, "response": reply}
    headers = {"Content-Type": "application/json", name: value}
    answer = httpx.post(given["GENERIC_LOGGER_ENDPOINT"], content=json.dumps([payload]), headers=headers)
    assert answer.json()["ok"] == 1
    assert yaml.safe_load(section("LiteLLM", "yaml")) == {"litellm_settings": {"callbacks": ["generic_api"]}}


def test_langfuse(service: Service) -> None:
    given = exported("Langfuse's SDKs", service)
    auth = (given["LANGFUSE_PUBLIC_KEY"], given["LANGFUSE_SECRET_KEY"])
    for path in ("ingestion", "otel/v1/traces"):
        url = f"{given['LANGFUSE_HOST']}/api/public/{path}"
        assert httpx.post(url, json={"batch": []}, auth=auth).status_code in (200, 207)


def test_pulls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(web, "_WAITS", Backoff(0.0))
    monkeypatch.chdir(tmp_path)
    calls = [words for words in command_lines(PULL) if words[:1] == ["pull"] and len(words) > 1]
    assert {words[1] for words in calls} == {"langfuse", "langsmith", "phoenix", "huggingface"}
    keys = {"LANGFUSE_PUBLIC_KEY": PUBLIC, "LANGFUSE_SECRET_KEY": SECRET, "LANGSMITH_API_KEY": KEY}
    assert all(name in PULL.read_text("utf-8") for name in keys)
    with log_services() as services:
        services.rows = [{"messages": [*MESSAGES, {"role": "assistant", "content": "Yes, it is a good idea."}]}]
        hosts = dict.fromkeys(("LANGFUSE_HOST", "LANGSMITH_ENDPOINT", "HF_DATASETS_SERVER"), services.url)
        for name, value in {**keys, **hosts, "PHOENIX_API_KEY": KEY}.items():
            monkeypatch.setenv(name, value)
        for words in calls:
            given = [services.url if word.startswith("http://localhost") else word for word in words]
            done = CliRunner().invoke(main, [*given, "--json"])
            assert done.exit_code == 0, done.output
            assert json.loads(done.stdout)["finished"]
    assert json.loads(CliRunner().invoke(main, ["stats", "--json"]).stdout)["pairs"] == 1
