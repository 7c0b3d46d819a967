"""Real servers of the system's packages, started on loopback; tests that need one that is absent are skipped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from chiasm.catalog import Catalog
from chiasm_migrations.upgrade import upgrade_schema

__all__ = [
    "PostgresServer",
    "RabbitServer",
    "RedisServer",
    "_with_schema",
    "free_port",
    "postgres",
    "postgres_catalog_url",
    "postgres_url",
    "rabbitmq",
    "rabbitmq_url",
    "redis",
    "redis_url",
]

_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [
    Path(found).parent for found in [shutil.which("postgres")] if found
]
#: Not the wrapper in the search path: that one insists on the package's own user and folders.
_RABBITMQ = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))


def free_port() -> int:
    """A port of loopback on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server(ABC):
    """A server with a folder of its own, which can be stopped and started again on the same port.

    Args:
        user: Who it runs as, where that is not the caller.
    """

    #: How it is asked to end at once.
    end_signal = signal.SIGTERM
    start_s = 15.0

    def __init__(self, user: str | None = None) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="chiasm-server-"))
        self._user = user
        if user:
            shutil.chown(self.folder, user)
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find it."""

    @abstractmethod
    def start(self) -> None:
        """Come up, with what it kept on its disk."""

    def stop(self) -> None:
        """Go away; what is on the disk stays."""
        while self._processes:
            process = self._processes.pop()
            # The whole group: some are started by a shell script.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, self.end_signal)
            process.wait(30)

    def remove(self) -> None:
        """Go away with all that it kept."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *command: str | Path, **environment: str) -> None:
        with (self.folder / "server.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    command,
                    user=self._user,
                    cwd=self.folder,
                    env={**os.environ, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def _wait(self) -> None:
        end = time.monotonic() + self.start_s
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if self._answers():
                    return
            time.sleep(0.05)
        log = (self.folder / "server.log").read_text(errors="replace")[-3000:]
        raise AssertionError(f"no server came up on port {self.port}: {log}")

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), 1.0):
            return True


class PostgresServer(Server):
    """PostgreSQL, which refuses to run as root.

    Args:
        durable: Whether it waits for the disk, as it should wherever more than a test depends on it.
    """

    # Its fast shutdown: connections are not waited for.
    end_signal = signal.SIGINT

    def __init__(self, *, durable: bool = False) -> None:
        if not _POSTGRES:
            pytest.skip("PostgreSQL is not installed (apt install postgresql)")
        super().__init__("postgres" if os.geteuid() == 0 else None)
        self._fsync = "on" if durable else "off"
        subprocess.run(
            [_POSTGRES[-1] / "initdb", "-D", self.folder / "data", "-A", "trust", "-U", "chiasm", "-N"],
            check=True,
            user=self._user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def url(self) -> str:
        """Of the server, without a database."""
        return f"postgresql://chiasm@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Come up."""
        listen = ["-p", str(self.port), "-h", "127.0.0.1", "-k", self.folder]
        self._run(
            _POSTGRES[-1] / "postgres", "-D", self.folder / "data", *listen, "-c", f"fsync={self._fsync}"
        )
        self._wait()

    def new_database(self, like: str = "template1") -> str:
        """Address of a database of one's own, with the content of another that nobody uses."""
        name = f"chiasm_{time.monotonic_ns()}"
        with psycopg.connect(f"{self.url}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        return f"{self.url}/{name}"

    def stop(self) -> None:
        """Go away; the main process alone is asked, it ends the others in order."""
        while self._processes:
            process = self._processes.pop()
            process.send_signal(self.end_signal)
            process.wait(30)

    def remove(self) -> None:
        """Go away without the checkpoint that would write all databases once more."""
        self.end_signal = signal.SIGQUIT
        super().remove()

    def _answers(self) -> bool:
        try:
            psycopg.connect(f"{self.url}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class RedisServer(Server):
    """Redis that keeps nothing: started again, it is empty."""

    def __init__(self) -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("Redis is not installed (apt install redis-server)")
        super().__init__()

    @property
    def url(self) -> str:
        """Of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Come up."""
        where = ["--port", str(self.port), "--bind", "127.0.0.1"]
        self._run("redis-server", *where, "--save", "", "--appendonly", "no")
        self._wait()


class RabbitServer(Server):
    """RabbitMQ without plugins, with a name service and a cookie of its own, all on loopback."""

    # Erlang ends in order at SIGTERM, which takes seconds; nothing of it is kept.
    end_signal = signal.SIGKILL
    start_s = 60.0

    def __init__(self) -> None:
        if not _RABBITMQ:
            pytest.skip("RabbitMQ is not installed (apt install rabbitmq-server)")
        super().__init__()
        self._names_port, self._cluster_port = free_port(), free_port()
        (self.folder / "plugins").write_text("[].")

    @property
    def url(self) -> str:
        """Of its first virtual host."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        """Come up, with nothing left in its queues."""
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        # In the foreground, so that it ends with us; the server would leave one behind as a daemon.
        self._run("epmd", "-address", "127.0.0.1", "-port", str(self._names_port))
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        self._run(
            _RABBITMQ[-1],
            HOME=str(self.folder),
            ERL_EPMD_ADDRESS="127.0.0.1",
            ERL_EPMD_PORT=str(self._names_port),
            RABBITMQ_NODENAME=f"chiasm-{self.port}@localhost",
            RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
            RABBITMQ_NODE_PORT=str(self.port),
            RABBITMQ_DIST_PORT=str(self._cluster_port),
            RABBITMQ_CONF_ENV_FILE=str(self.folder / "none"),
            RABBITMQ_CONFIG_FILE=str(self.folder / "rabbitmq"),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(self.folder / "plugins"),
            RABBITMQ_MNESIA_BASE=str(self.folder / "data"),
            RABBITMQ_LOG_BASE=str(self.folder / "log"),
            RABBITMQ_LOGS="-",
            # One scheduler: the tests have the other cores.
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=f"{loopback} +S 1:1 +sbwt none",
        )
        self._wait()

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), 1.0) as line:
            # It greets whoever speaks AMQP; before that it may listen without working.
            line.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(line.recv(1))


def _running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server whose databases are the tests' own."""
    yield from _running(PostgresServer())


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """An empty database of the test's own."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def _with_schema(postgres: PostgresServer) -> str:
    """Name of a database with the newest schema: a copy of it takes a tenth of the time of making it."""
    url = postgres.new_database()
    catalog = Catalog(url)
    upgrade_schema(catalog.engine)
    catalog.close()
    return url.rpartition("/")[2]


@pytest.fixture
def postgres_catalog_url(postgres: PostgresServer, _with_schema: str) -> str:
    """A database of the test's own with the newest schema."""
    return postgres.new_database(_with_schema)


@pytest.fixture(scope="session")
def redis() -> Iterator[Server]:
    """A broker; a test may start it anew."""
    yield from _running(RedisServer())


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Server]:
    """A broker; a test may start it anew."""
    yield from _running(RabbitServer())


@pytest.fixture
def redis_url(redis: RedisServer) -> str:
    """Address of a broker."""
    return redis.url


@pytest.fixture
def rabbitmq_url(rabbitmq: RabbitServer) -> str:
    """Address of a broker."""
    return rabbitmq.url
