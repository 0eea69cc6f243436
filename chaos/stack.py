"""
A production-like Airflow on this machine, each part a process that can be killed with SIGKILL and started again.

PostgreSQL, Redis, the local AWS, scheduler, DAG processor, triggerer, API server and two Celery workers.
"""

import base64
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from celery import Celery  # type: ignore[import-untyped]

from include.local_stack import REPOSITORY, LocalStackSettings, StackError, free_port, get_json, is_free

WORKERS = ("worker-1", "worker-2")
AIRFLOW_PARTS = ("scheduler", "dag-processor", "triggerer", "api-server", *WORKERS)
SERVICES = ("postgres", "redis", "local-aws")
HEALTH_OF = {"scheduler": "scheduler", "triggerer": "triggerer", "dag-processor": "dag_processor"}
SECONDS_TO_START = 150
SECONDS_TO_STOP = 10
POSTGRES_PROGRAMS = ("initdb", "postgres", "pg_ctl", "createdb", "pg_isready")

FAST_RECOVERY = {
    # A worker that died: its running task has no heartbeat. Longer than the API server takes to start again, or else
    # its restart fails the tasks that run meanwhile.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    # A task kills itself after so many heartbeats without answer: more than an API server's restart takes.
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "15",
    # The calls of a running task while the API server is away: many, and not up to 90 s apart.
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "30",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MIN": "0.5",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "2",
    # A worker that died with a message it had reserved: Redis hands it out again after the visibility timeout;
    # failing that, the scheduler queues it again.
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "15",
    # By default kombu looks for such messages at every tenth tick of 10 s only.
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__UNACKED_RESTORE_INTERVAL": "2",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__UNACKED_RESTORE_THROTTLE": "1",
    "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "25",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "10",
    # A scheduler that died: its successor adopts its tasks once its last heartbeat is so old.
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "6",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "2",
    # A triggerer that died: its successor takes its triggers once its last heartbeat is so old.
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
    "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
    # Tasks follow each other quickly.
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
    "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
    # Little CPU for DAGs that do not change.
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
}


@dataclass(frozen=True, slots=True)
class Programs:
    """Where the programs are that pip does not install."""

    postgres: Path
    redis: Path

    @classmethod
    def find(cls) -> Self:
        """
        :raises StackError: names what is missing and how to get it
        """
        folders = [*map(Path, os.environ["PATH"].split(os.pathsep)), *Path("/usr/lib/postgresql").glob("*/bin")]
        postgres = [folder for folder in folders if all((folder / name).exists() for name in POSTGRES_PROGRAMS)]
        redis = shutil.which("redis-server")
        if not postgres or not redis:
            raise StackError(
                "PostgreSQL's and Redis's programs are needed (initdb, redis-server); on Debian and Ubuntu: "
                "apt-get install postgresql redis-server"
            )
        return cls(postgres[-1], Path(redis))


@dataclass(frozen=True)
class ChaosSettings:
    """Where the stack listens and keeps its files; ports stay the same when parts are started again."""

    local: LocalStackSettings
    postgres_port: int
    redis_port: int

    @classmethod
    def on_free_ports(cls, home: Path, pace: float) -> Self:
        """
        :param pace: the local AWS's: at 0.01 a training takes some seconds, so that tasks are seen deferred
        """
        local = LocalStackSettings(airflow_port=free_port(), local_aws_port=free_port(), home=home, pace=pace)
        return cls(local, free_port(), free_port())

    @property
    def broker_url(self) -> str:
        return f"redis://127.0.0.1:{self.redis_port}/0"

    @property
    def database_url(self) -> str:
        return f"postgresql+psycopg2://airflow@127.0.0.1:{self.postgres_port}/airflow"

    def environment(self) -> dict[str, str]:
        """As that of the local stack, but with other parts, which share their secrets and recover soon."""
        return {
            **self.local.environment(),
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database_url,
            "AIRFLOW__CELERY__BROKER_URL": self.broker_url,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{self.database_url.replace('+psycopg2', '')}",
            "RETRAIN_RETRY_SECONDS": "1",
            **FAST_RECOVERY,
        }


@dataclass(slots=True)
class Part:
    """A process that runs, or ran, and since when."""

    process: subprocess.Popen[bytes]
    started: datetime
    wanted: bool = True
    """Killed on purpose, it is not to be revived."""


class ChaosStack:
    """
    The parts, as a context manager that ends all that it started, come what may. Its methods may be called from several
    threads.

    :raises StackError: a program is missing, or a part does not start
    """

    def __init__(self, settings: ChaosSettings):
        self.settings = settings
        self.environment = settings.environment()
        self.parts: dict[str, Part] = {}
        self.lock = threading.RLock()
        """Held while parts are killed and started."""
        self.home = settings.local.home
        self._is_stopped = False
        self._programs = Programs.find()
        self._logs = self.home / "process-logs"
        self._account = _account_for_postgres()
        self._celery = Celery(broker=settings.broker_url, set_as_current=False)
        self._commands = self._all_commands()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.home.chmod(0o755)  # PostgreSQL's user has to find its directory in there
        self._logs.mkdir(parents=True, exist_ok=True)
        self._init_database()
        for name in SERVICES:
            self.restart(name, wait=False)
        self._wait_for(self._database_answers, "PostgreSQL")
        self._postgres_tool("createdb", "-O", "airflow", "airflow")
        self._run_to_its_end("db-migrate", [sys.executable, "-m", "airflow", "db", "migrate"])
        for name in AIRFLOW_PARTS:
            self.restart(name, wait=False)
        self.wait_until_ready()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL, to everything; the services last, since the others talk to them as they end."""
        with self.lock:
            self._is_stopped = True
            self._stop_all()

    def _stop_all(self) -> None:
        for names in ([name for name in self.parts if name not in SERVICES], list(SERVICES)):
            parts = [self.parts[name] for name in names if name in self.parts]
            for part in parts:
                part.wanted = False
                if part.process.poll() is None:
                    part.process.send_signal(signal.SIGTERM)
            _wait_for_ends([part.process for part in parts], 3)
            for part in parts:
                _kill_tree(part.process)
        self.parts.clear()

    def kill(self, name: str) -> None:
        """SIGKILL to a part with all that it started, as if its machine had died."""
        self.parts[name].wanted = False
        _kill_tree(self.parts[name].process)

    def restart(self, name: str, wait: bool = True) -> None:
        """
        Start a part that was killed, has died, or was never started.

        :raises StackError: the stack is stopped, or the part does not start
        """
        if self._is_stopped:
            raise StackError(f"The stack is stopped; {name} is not started again.")
        if name in self.parts:
            _kill_tree(self.parts[name].process)
        as_user = self._as_postgres() if name == "postgres" else []
        with (self._logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*as_user, *self._commands[name]], cwd=REPOSITORY, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        self.parts[name] = Part(process, datetime.now(UTC))
        if wait:
            self.wait_until_ready([name])

    def database_gone(self, seconds: float) -> None:
        self.parts["postgres"].wanted = False
        self._postgres_tool("pg_ctl", "-D", str(self._data), "stop", "-m", "immediate", host=False)
        time.sleep(seconds)
        self.restart("postgres")

    def revive(self) -> list[str]:
        """Start what has died unasked, as systemd or Kubernetes would; return the names."""
        dead = [name for name, part in self.parts.items() if part.wanted and part.process.poll() is not None]
        for name in dead:
            self.restart(name, wait=False)
        return dead

    def wait_until_ready(self, names: Sequence[str] = (*SERVICES, *AIRFLOW_PARTS)) -> None:
        """
        :raises StackError: a part has died, or takes too long
        """
        missing = list(names)
        deadline = time.monotonic() + SECONDS_TO_START
        while missing := [name for name in missing if not self._is_ready(name)]:
            if dead := [name for name in missing if self.parts[name].process.poll() is not None]:
                raise StackError(f"{dead} died, see {self._logs}")
            if time.monotonic() > deadline:
                raise StackError(f"{missing} not ready after {SECONDS_TO_START} s, see {self._logs}")
            time.sleep(0.25)

    def _is_ready(self, name: str) -> bool:
        if name == "postgres":
            return self._database_answers()
        if name == "redis":
            return not is_free(self.settings.redis_port)
        if name == "local-aws":
            return get_json(f"{self.settings.local.local_aws_url}/_local/health") is not None
        if name in WORKERS:
            return any(host.startswith(f"{name}@") for host in self._inspect("ping") or {})
        health = get_json(f"{self.settings.local.airflow_url}/api/v2/monitor/health")
        if name == "api-server" or health is None:
            return health is not None
        heartbeat = health[HEALTH_OF[name]][f"latest_{HEALTH_OF[name]}_heartbeat"]
        return heartbeat is not None and datetime.fromisoformat(heartbeat) > self.parts[name].started

    def _inspect(self, what: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] | None = getattr(self._celery.control.inspect(timeout=1.0, limit=2), what)()
        except Exception:  # the broker is away
            return None
        return answer

    def _all_commands(self) -> dict[str, list[str]]:
        settings, python = self.settings, sys.executable
        airflow = [python, "-m", "airflow"]
        worker = [
            *airflow, "celery", "worker", "--concurrency", "2", "--skip-serve-logs", "--without-mingle",
            "--without-gossip",
        ]  # fmt: skip
        return {
            "postgres": [
                str(self._programs.postgres / "postgres"), "-D", str(self._data), "-p", str(settings.postgres_port),
                "-h", "127.0.0.1", "-k", str(self._data.parent), "-c", "fsync=off", "-c", "max_connections=200",
            ],
            "redis": [
                str(self._programs.redis), "--port", str(settings.redis_port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", str(settings.local.home),
            ],
            "local-aws": [
                python, "-m", "include.local_aws", "--port", str(settings.local.local_aws_port),
                "--data-dir", str(settings.local.home / "aws"), "--pace", str(settings.local.pace),
            ],
            **{name: [*airflow, name] for name in ("scheduler", "dag-processor", "triggerer", "api-server")},
            **{name: [*worker, "--celery-hostname", f"{name}@%h"] for name in WORKERS},
        }  # fmt: skip

    @property
    def _data(self) -> Path:
        return self.home / "postgres" / "data"

    def _init_database(self) -> None:
        self._data.parent.mkdir()
        if self._account:
            os.chown(self._data.parent, self._account.pw_uid, self._account.pw_gid)
        self._postgres_tool("initdb", "-D", str(self._data), "-U", "airflow", "-A", "trust", "-N", host=False)

    def _postgres_tool(self, tool: str, *arguments: str, host: bool = True) -> None:
        where = ["-h", "127.0.0.1", "-p", str(self.settings.postgres_port), "-U", "airflow"] if host else []
        command = [*self._as_postgres(), str(self._programs.postgres / tool), *where, *arguments]
        with (self._logs / "postgres-tools.log").open("ab") as log:
            subprocess.run(command, check=True, stdout=log, stderr=subprocess.STDOUT, cwd="/", timeout=60)

    def _as_postgres(self) -> list[str]:
        if self._account is None:
            return []
        user, group = self._account.pw_uid, self._account.pw_gid
        return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--"]

    def _database_answers(self) -> bool:
        command = [
            str(self._programs.postgres / "pg_isready"), "-q", "-h", "127.0.0.1",
            "-p", str(self.settings.postgres_port), "-U", "airflow", "-d", "postgres",
        ]  # fmt: skip
        return subprocess.run(command).returncode == 0

    def _run_to_its_end(self, name: str, command: list[str]) -> None:
        self._commands[name] = command
        self.restart(name, wait=False)
        code = self.parts.pop(name).process.wait(SECONDS_TO_START)
        if code:
            raise StackError(f"{name} ended with {code}, see {self._logs / name}.log")

    def _wait_for(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + SECONDS_TO_START
        while not condition():
            if time.monotonic() > deadline:
                raise StackError(f"{what} is not there after {SECONDS_TO_START} s")
            time.sleep(0.1)


def _account_for_postgres() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    accounts = {account.pw_name: account for account in pwd.getpwall()}
    return accounts.get("postgres") or accounts["nobody"]


def _processes() -> Iterator[tuple[int, int, int]]:
    """Process, parent and session of each living process."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent, _, session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if state != "Z":
            yield int(path.parent.name), int(parent), int(session)


def _tree(root: int) -> set[int]:
    """A session with all its descendants, also those in sessions of their own (PostgreSQL's backends)."""
    processes, members, sessions = list(_processes()), {root}, {root}
    while True:
        found = {pid for pid, parent, session in processes if session in sessions or parent in members} - members
        if not found:
            return {pid for pid, _, _ in processes if pid in members}
        members |= found
        sessions |= {session for pid, _, session in processes if pid in found and pid == session}


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS_TO_STOP
    if process.poll() is None:
        members = _tree(process.pid)
    else:  # its number may be somebody else's by now; its session's number is not, while the session has members
        members = {pid for pid, _, session in _processes() if session == process.pid}
    while members and time.monotonic() < deadline:
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.poll()
        time.sleep(0.05)
        alive = {pid for pid, _, _ in _processes()}
        members = (members & alive) | {pid for pid, _, session in _processes() if session == process.pid}


def _wait_for_ends(processes: list[subprocess.Popen[bytes]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(0.1)
