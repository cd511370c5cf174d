"""What is deployed exists: commands, metrics, files, variables; and nothing has a password of its own."""

import json
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from coachlm.settings import named_settings
from devtools.servers.compose import COMPOSE_FILE, MissingVariable, env_file, in_profile, services
from tests.command_line import main

ROOT = COMPOSE_FILE.parent
DEPLOY = ROOT / "deploy"
SECRETS = dict.fromkeys(env_file(DEPLOY / "example.env"), "x")
OURS = re.compile(r"\bcoachlm_[a-z_]+")


def composed(profile: str) -> dict[str, dict[str, Any]]:
    variables = env_file(DEPLOY / f"{profile}.env")
    active = set(variables["COMPOSE_PROFILES"].split(","))
    found = services(COMPOSE_FILE, SECRETS | variables)
    return {name: service for name, service in found.items() if in_profile(service, active)}


@pytest.mark.parametrize("file", ["docker-compose.yml", "deploy/gpu.yml"])
def test_the_files_are_valid_compose(file: str) -> None:
    spec = find_spec("check_jsonschema")
    assert spec is not None
    assert spec.origin is not None
    schema = json.loads((Path(spec.origin).parent / "builtin_schemas/vendor/compose-spec.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(yaml.safe_load((ROOT / file).read_text()))


def test_every_command_is_one_of_ours() -> None:
    ours = {name: service for name, service in composed("one-broker").items() if service["image"].startswith("coachlm")}
    assert {"migrate", "topics", "intake", "revise", "relay", "api", "dashboard"} == ours.keys()
    ours["refresh"] = services(COMPOSE_FILE, SECRETS)["refresh"]
    for service in ours.values():
        result = CliRunner().invoke(main, [*map(str, service["command"]), "--help"])
        assert result.exit_code == 0, result.output
        for flag in (word for word in service["command"] if str(word).startswith("--")):
            assert str(flag) in result.output


def test_every_setting_that_is_set_exists() -> None:
    known = {each.variable for each in named_settings().values()}
    for service in composed("three-brokers").values():
        given = {name for name in service.get("environment", {}) if name.startswith("COACHLM_")}
        assert given <= known


def test_profiles_hold_what_they_say() -> None:
    brokers = {
        profile: {name for name in composed(profile) if name.startswith("kafka-")}
        for profile in ("one-broker", "three-brokers")
    }
    assert brokers == {"one-broker": {"kafka-1"}, "three-brokers": {"kafka-1", "kafka-2", "kafka-3"}}
    three = composed("three-brokers")
    servers = three["intake"]["environment"]["COACHLM_KAFKA_SERVERS"]
    assert {server.split(":")[0] for server in servers.split(",")} == brokers["three-brokers"]
    for number, name in enumerate(sorted(brokers["three-brokers"]), 1):
        environment = three[name]["environment"]
        assert environment["KAFKA_NODE_ID"] == number
        assert environment["KAFKA_CONTROLLER_QUORUM_VOTERS"].count("@") == 3
        assert f"://{name}:9092" in environment["KAFKA_ADVERTISED_LISTENERS"]
        assert environment["KAFKA_TRANSACTION_STATE_LOG_MIN_ISR"] == "2"
    assert composed("one-broker")["kafka-1"]["environment"]["KAFKA_CONTROLLER_QUORUM_VOTERS"] == "1@kafka-1:9093"


@pytest.mark.parametrize("left_out", sorted(SECRETS))
def test_nothing_starts_without_its_secrets(left_out: str) -> None:
    with pytest.raises(MissingVariable, match=left_out):
        services(COMPOSE_FILE, {name: value for name, value in SECRETS.items() if name != left_out})


def test_no_secret_has_a_default() -> None:
    for file in (COMPOSE_FILE, DEPLOY / "gpu.yml"):
        for name, default in re.findall(r"\$\{(\w*(?:PASSWORD|SALT|SECRET|TOKEN)\w*)(:?-?[^}]*)\}", file.read_text()):
            assert default.startswith(":?"), name
    assert not any(env_file(DEPLOY / "example.env").values())


def test_services_are_hardened_and_on_loopback() -> None:
    for name, service in services(COMPOSE_FILE, SECRETS).items():
        assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not service.get("privileged"), name
        assert service.get("read_only") or name.startswith("kafka-"), name
        tag = service["image"].partition(":")[2]
        assert tag, name
        assert tag != "latest", name
    dockerfile = (ROOT / "Dockerfile").read_text()
    for stage in re.split(r"^FROM ", dockerfile, flags=re.M)[1:]:
        title = stage.partition("\n")[0].split()[-1]
        if title in ("run", "reviser"):
            assert "\nUSER 10001\n" in stage
            assert "\nHEALTHCHECK " in stage


def test_what_the_files_name_is_there() -> None:
    for word in re.findall(r"\./(deploy/[\w./-]+)", COMPOSE_FILE.read_text()):
        assert (ROOT / word.split(":")[0]).exists(), word
    for word in re.findall(r"^COPY (requirements/\S+)", (ROOT / "Dockerfile").read_text(), flags=re.M):
        assert (ROOT / word).is_file()
    rooms = {line[1:-1] for line in (ROOT / ".dockerignore").read_text().splitlines() if re.fullmatch(r"!\w+/", line)}
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    packages = {name.removesuffix("*") for name in found}
    assert packages <= rooms


def metrics_of_the_code() -> set[str]:
    """Every series that workers and service can show."""
    from prometheus_client.exposition import generate_latest

    from api.http.metrics import Metrics as ServiceMetrics
    from api.http.metrics import QueueFigures
    from streams.broker.worker.metrics import Metrics

    names: set[str] = set()
    for metrics in (Metrics("intake"), ServiceMetrics(lambda: QueueFigures(free_by_class={"qa": 1}))):
        for family in metrics.registry.collect():
            suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            names |= {family.name + suffix for suffix in suffixes}
        assert generate_latest(metrics.registry)
    return names


def test_dashboards_and_alerts_read_metrics_that_exist() -> None:
    known = metrics_of_the_code()
    files = [DEPLOY / "prometheus" / "alerts.yml", *(DEPLOY / "grafana" / "dashboards").glob("*.json")]
    assert len(files) == 3
    for file in files:
        named = set(OURS.findall(file.read_text()))
        assert named, file
        assert named <= known, file


def test_dashboards_load_and_alerts_are_explained() -> None:
    for file in (DEPLOY / "grafana" / "dashboards").glob("*.json"):
        panels = json.loads(file.read_text())["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert all(target["expr"] for panel in panels for target in panel["targets"])
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
    operations = (ROOT / "docs" / "how-to" / "operate.md").read_text()
    for rule in rules:
        assert f"`{rule['alert']}`" in operations


def test_scrapes_find_the_services() -> None:
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    compose = services(COMPOSE_FILE, SECRETS)
    for job in scraped:
        (found,) = job["dns_sd_configs"]
        environment = compose[found["names"][0]]["environment"]
        port = environment.get("COACHLM_METRICS_PORT", environment.get("COACHLM_API_PORT"))
        assert found["port"] == port


def test_the_fragments_for_kubernetes_are_yaml_and_start_our_commands() -> None:
    page = (ROOT / "docs" / "how-to" / "run-on-kubernetes.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, flags=re.S)
    kinds = {}
    known = {each.variable for each in named_settings().values()}
    for document in map(yaml.safe_load, blocks):
        kinds[document["kind"]] = document
        for container in document["spec"].get("template", {}).get("spec", {}).get("containers", []):
            assert CliRunner().invoke(main, [*container["args"], "--help"]).exit_code == 0
            assert {entry["name"] for entry in container.get("env", [])} <= known
    assert kinds.keys() == {"Job", "Deployment", "ScaledObject"}
    trigger = kinds["ScaledObject"]["spec"]["triggers"][0]["metadata"]
    assert (trigger["consumerGroup"], trigger["topic"]) == ("revise", "pairs.accepted")
