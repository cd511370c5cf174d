"""A Kafka cluster on this machine without containers: KRaft, on loopback, from the jars of `scripts/need-kafka`.

    python -m devtools.servers.kafka --nodes 3      in the foreground until Ctrl-C; also: make kafka NODES=3
    python -m devtools.servers.kafka -- COMMAND …   until the command ends, which finds it in COACHLM_KAFKA_SERVERS

Every node is broker and controller at once. Three nodes keep going when one is killed.
"""

import argparse
import base64
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from devtools.servers.process import ServerError, ServerProcess, free_ports, is_listening

_CHECKOUT = Path(__file__).resolve().parents[2]
_JARS = _CHECKOUT / ".kafka" / "jars"
_LOG_SETTINGS = _CHECKOUT / "scripts" / "kafka" / "log4j2.properties"
_START_SECONDS = 180  # busy machines take more than a minute
LOGIN = ("worker", "open-sesame")
"""User and password of a broker that lives for minutes on loopback."""
_PLAIN_MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"
_SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"
# Quick to start and small: servers of a test share the machine with what they serve.
_JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


class KafkaCluster:
    """One node or three; ports and data stay the same from the first start to `remove()`.

    Raises: ServerError when Java or the jars are missing, or a node does not start.
    """

    def __init__(self, nodes: int = 1) -> None:
        if shutil.which("java") is None or not any(_JARS.glob("kafka_*.jar")):
            raise ServerError("no Kafka broker to run: `scripts/need-kafka` fetches it, or set COACHLM_TEST_KAFKA")
        self.nodes = tuple(range(1, nodes + 1))
        self._folder = Path(tempfile.mkdtemp(prefix="coachlm-kafka-"))
        ports = free_ports(3 * nodes)
        self._ports = dict(zip(self.nodes, ports[:nodes], strict=True))
        self._controllers = dict(zip(self.nodes, ports[nodes : 2 * nodes], strict=True))
        self._logins = dict(zip(self.nodes, ports[2 * nodes :], strict=True))
        self._running: dict[int, ServerProcess] = {}
        self._format(_cluster_id())

    @property
    def bootstrap(self) -> str:
        """HOST:PORT of every node, with commas, as COACHLM_KAFKA_SERVERS takes it."""
        return ",".join(f"127.0.0.1:{port}" for port in self._ports.values())

    @property
    def login_bootstrap(self) -> str:
        """As `bootstrap`, where clients log in: by PLAIN as `LOGIN`, by SCRAM-SHA-512 as users that a test makes."""
        return ",".join(f"127.0.0.1:{port}" for port in self._logins.values())

    @property
    def pids(self) -> list[int]:
        return [server.pid for server in self._running.values()]

    def start(self) -> None:
        """Every node that is not running, and wait for them all."""
        for node in self.nodes:
            self._launch(node)
        for node in self.nodes:
            self._await(node)

    def start_node(self, node: int, *, wait: bool = True) -> None:
        """With the data that it had. Nothing happens when it runs."""
        self._launch(node)
        if wait:
            self._await(node)

    def kill_node(self, node: int) -> None:
        """SIGKILL: no farewell to clients, no clean log."""
        self._end(node, signal.SIGKILL)

    def stop_node(self, node: int) -> None:
        """SIGTERM: the node hands its partitions over and closes its log."""
        self._end(node, signal.SIGTERM)

    def freeze_node(self, node: int) -> None:
        """SIGSTOP: connections stay open and nothing answers, as in a network stall."""
        self._running[node].send(signal.SIGSTOP)

    def thaw_node(self, node: int) -> None:
        self._running[node].send(signal.SIGCONT)

    def stop(self) -> None:
        """All nodes at once; a controlled shutdown node by node would wait for a quorum that is going away."""
        for server in self._running.values():
            server.send(signal.SIGCONT)
            server.send(signal.SIGTERM)
        for node in tuple(self._running):
            self._end(node, signal.SIGTERM, seconds=5)

    def remove(self) -> None:
        """Kill all nodes and delete their data."""
        for node in tuple(self._running):
            self.kill_node(node)
        shutil.rmtree(self._folder, ignore_errors=True)

    def log(self, node: int) -> str:
        """The end of the node's log."""
        return self._running[node].log_end() if node in self._running else ""

    def _format(self, cluster: str) -> None:
        tools = []
        for node in self.nodes:
            self._settings_file(node).write_text(self._settings(node), encoding="utf-8")
            command = [*_java(), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", self._settings_file(node)]
            tools.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        outputs = [tool.communicate()[0] for tool in tools]  # all of them, or a refusal leaves processes behind
        for tool, output in zip(tools, outputs, strict=True):
            if tool.returncode:
                self.remove()
                raise ServerError(f"the broker's data folder could not be made:\n{output[-2000:]}")

    def _settings_file(self, node: int) -> Path:
        return self._folder / f"kafka-{node}.properties"

    def _settings(self, node: int) -> str:
        copies = min(len(self.nodes), 3)
        voters = ",".join(f"{number}@127.0.0.1:{port}" for number, port in self._controllers.items())
        brokers = f"BROKER://127.0.0.1:{self._ports[node]},LOGIN://127.0.0.1:{self._logins[node]}"
        user, password = LOGIN
        settings = {
            "process.roles": "broker,controller",
            "node.id": node,
            "controller.quorum.voters": voters,
            "listeners": f"{brokers},CONTROLLER://127.0.0.1:{self._controllers[node]}",
            "advertised.listeners": brokers,
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.login.plain.sasl.jaas.config": f'{_PLAIN_MODULE} required user_{user}="{password}";',
            "listener.name.login.scram-sha-512.sasl.jaas.config": f"{_SCRAM_MODULE} required;",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "BROKER",
            "log.dirs": self._folder / f"data-{node}",
            "auto.create.topics.enable": "false",
            "broker.session.timeout.ms": 4000,  # a node that was killed comes back only after it; 9000 otherwise
            "broker.heartbeat.interval.ms": 500,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,  # for runs that kill consumers; 6000 otherwise
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.num.partitions": 4,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": min(copies, 2),
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": min(copies, 2),
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _launch(self, node: int) -> None:
        if node in self._running and self._running[node].is_running:
            return
        command = [*_java(), "kafka.Kafka", self._settings_file(node)]
        self._running[node] = ServerProcess(command, self._folder / f"kafka-{node}.log")

    def _await(self, node: int) -> None:
        self._running[node].await_ready(lambda: is_listening(self._ports[node]), _START_SECONDS)

    def _end(self, node: int, number: signal.Signals, seconds: float = 30) -> None:
        if node in self._running:
            self._running.pop(node).end(number, seconds)


@contextmanager
def running_cluster(nodes: int = 1) -> Iterator[KafkaCluster]:
    """A started cluster, removed at the end."""
    cluster = KafkaCluster(nodes)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


def _cluster_id() -> str:
    """As Kafka makes them: one that began with `-` would be taken for an option by its tools."""
    return base64.urlsafe_b64encode(b"\0" + uuid4().bytes[1:]).decode().rstrip("=")


def _java() -> list[str]:
    return ["java", *_JVM, f"-Dlog4j2.configurationFile={_LOG_SETTINGS}", "-cp", f"{_JARS}/*"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1)
    parser.add_argument("command", nargs="*", help="run this beside it, then end both, with the command's exit code")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running_cluster(given.nodes) as cluster:
            if given.command:
                environment = os.environ | {"COACHLM_KAFKA_SERVERS": cluster.bootstrap}
                raise SystemExit(subprocess.run(given.command, env=environment, check=False).returncode)
            print(f"Kafka is up: export COACHLM_KAFKA_SERVERS={cluster.bootstrap}", flush=True)
            print("Ctrl-C ends it and deletes its data.", flush=True)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        print("\nKafka has ended; its data is gone.")
    except ServerError as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
