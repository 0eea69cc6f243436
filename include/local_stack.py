"""
A local AWS and a whole Airflow on this machine: started, watched, stopped.

``python -m include.local_stack ARGUMENTS…`` runs ``airflow ARGUMENTS…`` against the stack that ``make up`` has started.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import requests

from include.errors import ConfigurationError, RetrainError

REPOSITORY = Path(__file__).parents[1]
AIRFLOW_COMPONENTS = ("scheduler", "dag-processor", "triggerer", "api-server")
SECONDS_TO_START = 120
LOOPBACK_WITHOUT_PROXY = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
SECONDS_TO_STOP = 15
BACKFILL_ATTEMPTS = 10


class StackError(RetrainError):
    """A part of the local stack did not start, or has died; the message says which and where its log is."""


@dataclass(frozen=True, slots=True)
class LocalStackSettings:
    """Where the local stack listens and keeps its files."""

    airflow_port: int = 8080
    """AIRFLOW_PORT: Airflow's web UI and REST API."""
    local_aws_port: int = 4566
    """LOCAL_AWS_PORT: every AWS service."""
    home: Path = REPOSITORY / ".airflow"
    """Airflow's home: its database, its logs, and the logs of the processes."""
    hashtags_file: Path = REPOSITORY / "include" / "sample_data" / "hashtags.yaml"
    pace: float | None = None
    """How long the local AWS stays in its phases; see `python -m include.local_aws --help`."""
    bucket: str = "local-tweets"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """
        :raises ConfigurationError: a port is not a number, or both are the same
        """
        ports = {}
        for name, default in (("AIRFLOW_PORT", 8080), ("LOCAL_AWS_PORT", 4566)):
            text = environment.get(name, str(default))
            if not text.isdecimal() or not 0 < int(text) < 65536:
                raise ConfigurationError(f"{name}={text!r} is not a port number")
            ports[name] = int(text)
        if ports["AIRFLOW_PORT"] == ports["LOCAL_AWS_PORT"]:
            raise ConfigurationError(
                f"AIRFLOW_PORT and LOCAL_AWS_PORT are both {ports['AIRFLOW_PORT']}; two are needed"
            )
        return cls(airflow_port=ports["AIRFLOW_PORT"], local_aws_port=ports["LOCAL_AWS_PORT"])

    @property
    def airflow_url(self) -> str:
        return f"http://127.0.0.1:{self.airflow_port}"

    @property
    def local_aws_url(self) -> str:
        return f"http://127.0.0.1:{self.local_aws_port}"

    def environment(self) -> dict[str, str]:
        """The environment in which Airflow, its tasks and AWS clients find each other."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "RETRAIN_", "AIRFLOW_"))  # of somebody's real deployment
        }
        return {
            **inherited,
            **LOOPBACK_WITHOUT_PROXY,
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'plugins'}",
            "PYTHONUNBUFFERED": "1",
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.airflow_url}/execution/",
            # SQLite has one writer at a time; wait for one's turn rather than fail after five seconds.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database(seconds_to_wait=60),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.airflow_port),
            "AIRFLOW__API__BASE_URL": self.airflow_url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW_CONN_AWS_DEFAULT": '{"conn_type": "aws"}',
            "AWS_ENDPOINT_URL": self.local_aws_url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "RETRAIN_BUCKET": self.bucket,
            "RETRAIN_ROLE_ARN": "arn:aws:iam::123456789012:role/local-sagemaker",
            "RETRAIN_POLL_SECONDS": "1",
            "RETRAIN_RETRY_SECONDS": "3",
            "RETRAIN_HASHTAGS_FILE": str(self.hashtags_file),
        }

    def database(self, seconds_to_wait: int) -> str:
        return f"sqlite:///{self.home / 'airflow.db'}?timeout={seconds_to_wait}"


class LocalStack:
    """
    The processes, as a context manager that stops all it started, come what may.

    :raises StackError: a port is taken, or a part does not start
    """

    def __init__(self, settings: LocalStackSettings):
        self.settings = settings
        self.environment = settings.environment()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._logs = settings.home / "logs" / "processes"

    def __enter__(self) -> Self:
        try:
            _require_free_port(self.settings.local_aws_port, "LOCAL_AWS_PORT", "the local AWS")
            _require_free_port(self.settings.airflow_port, "AIRFLOW_PORT", "Airflow's web UI")
            self._logs.mkdir(parents=True, exist_ok=True)
            # The local AWS starts empty, so Airflow does, too: runs of an earlier session would only fail.
            for database in self.settings.home.glob("airflow.db*"):
                database.unlink()
            pace = [] if self.settings.pace is None else ["--pace", str(self.settings.pace)]
            port = str(self.settings.local_aws_port)
            self._start("local-aws", [sys.executable, "-m", "include.local_aws", "--port", port, *pace])
            self._run("db-migrate", self._airflow("db", "migrate"))
            for component in AIRFLOW_COMPONENTS:
                self._start(component, self._airflow(component), self._environment_of(component))
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """
        :raises StackError: a process has died
        """
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise StackError(
                    f"{name} has ended with exit code {process.returncode}. The end of its log, {self._log(name)}:\n"
                    + _tail(self._log(name))
                )

    def stop(self) -> None:
        """End every process with all that it started; a second Ctrl-C does not keep it from that."""
        with _interruptions_ignored():
            for number in (signal.SIGTERM, signal.SIGKILL):
                self._signal(number)
                deadline = time.monotonic() + SECONDS_TO_STOP
                while self._signal(0) and time.monotonic() < deadline:
                    time.sleep(0.1)
        self._processes.clear()

    def _signal(self, number: int) -> bool:
        """Signal every process with all that it started; whether any is left. Number 0 only asks."""
        left = [_signal_group(process, number) for process in self._processes.values()]
        return any(left)

    def _airflow(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "airflow", *arguments]

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _environment_of(self, component: str) -> dict[str, str]:
        if component != "api-server":
            return self.environment
        # It logs what people do from within its event loop. If it waits there for a lock that is held by one of its own
        # requests, which needs the loop to end, nothing moves until it gives up. Its clients try again.
        return {**self.environment, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.settings.database(seconds_to_wait=10)}

    def _start(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        with self._log(name).open("wb") as log:
            self._processes[name] = subprocess.Popen(
                command, cwd=REPOSITORY, env=environment or self.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def _run(self, name: str, command: list[str]) -> None:
        self._start(name, command)
        if self._processes[name].wait():
            self.check()
        del self._processes[name]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while not (self._local_aws_is_ready() and self._airflow_is_ready()):
            self.check()
            if time.monotonic() > deadline:
                raise StackError(f"The stack is not ready after {SECONDS_TO_START} s. Logs are in {self._logs}")
            time.sleep(0.25)

    def _local_aws_is_ready(self) -> bool:
        return get_json(f"{self.settings.local_aws_url}/_local/health") is not None

    def _airflow_is_ready(self) -> bool:
        health = get_json(f"{self.settings.airflow_url}/api/v2/monitor/health")
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return health is not None and all(health[part]["status"] == "healthy" for part in parts)


@contextmanager
def _interruptions_ignored() -> Iterator[None]:
    """Only for so long: processes that are started later would inherit it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def get_json(url: str) -> dict[str, dict[str, str]] | None:
    """The answer's JSON; None where there is no good answer."""
    try:
        response = requests.get(url, timeout=5)
        return response.json() if response.ok else None
    except requests.RequestException:  # not there yet, or slow
        return None


def is_free(port: int) -> bool:
    """Whether nothing listens on a port of this machine."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _require_free_port(port: int, variable: str, what: str) -> None:
    if not is_free(port):
        raise StackError(
            f"Port {port} on 127.0.0.1 is taken, and {what} needs one. Stop what uses it, or set {variable} to a "
            f"free port, e.g.: make demo {variable}={port + 10}"
        )


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _signal_group(process: subprocess.Popen[bytes], number: int) -> bool:
    """Signal a process and all of its session; False where nothing of it is left."""
    process.poll()
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _tail(path: Path, lines: int = 25) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


def create_backfill(arguments: list[str], settings: LocalStackSettings, environment: Mapping[str, str]) -> int:
    """
    Run ``airflow backfill create ARGUMENTS…`` while the DAG is paused, and again where SQLite was locked.

    On SQLite the command often meets the scheduler's writing, and then deletes the runs that it has made so far; a
    scheduler that was about to start one of them dies. It leaves those of a paused DAG alone.
    """
    from include.airflow_api import AirflowApi  # which needs this module

    command = [sys.executable, "-m", "airflow", "backfill", "create", *arguments]
    dag_id = arguments[arguments.index("--dag-id") + 1]
    with AirflowApi(settings.airflow_url).paused(dag_id):
        for _ in range(BACKFILL_ATTEMPTS):
            done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
            if done.returncode == 0 or "database is locked" not in done.stderr:
                break
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


def main() -> int:
    settings, arguments = LocalStackSettings.from_environment(), sys.argv[1:]
    if arguments[:2] == ["backfill", "create"] and "--dag-id" in arguments[:-1]:
        return create_backfill(arguments[2:], settings, settings.environment())
    command = [sys.executable, "-m", "airflow", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=settings.environment()).returncode


if __name__ == "__main__":
    sys.exit(main())
