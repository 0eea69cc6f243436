"""A local AWS and a whole Airflow on PostgreSQL: started, watched, stopped; and killed and revived, by chaos."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import psutil
import requests

from local_stack.errors import StackError
from local_stack.ports import require_free_port
from local_stack.processes import interruptions_ignored, kill_tree, send, tree
from local_stack.session import Session, end_session
from local_stack.settings import REPOSITORY, StackSettings

SERVICES = ("postgres", "local-aws")
AIRFLOW_PARTS = ("scheduler", "dag-processor", "triggerer", "api-server")
HEALTH_OF = {"scheduler": "scheduler", "triggerer": "triggerer", "dag-processor": "dag_processor"}
SECONDS_TO_START = 600
"""A part that dies is noticed at once; this is for slow machines."""
SECONDS_TO_STOP = 8
SIGNALS_TO_STOP = {"postgres": signal.SIGINT}
"""PostgreSQL's fast shutdown; at SIGTERM it would wait for its clients."""


@dataclass(slots=True)
class Part:
    """A process that runs, or ran, and since when."""

    process: subprocess.Popen[bytes]
    started: datetime
    is_wanted: bool = True
    """Not so once it was killed on purpose."""


class LocalStack:
    """
    The parts of a stack, as a context manager that ends all that it started, come what may. Its methods may be called
    from several threads.

    :raises StackError: a port is taken, another stack runs in the same home, or a part does not start
    """

    services: Sequence[str] = SERVICES
    airflow_parts: Sequence[str] = AIRFLOW_PARTS

    def __init__(self, settings: StackSettings):
        self.settings = settings
        self.postgres = settings.new_postgres()
        self.environment = settings.environment(self.postgres.url)
        self.parts: dict[str, Part] = {}
        self.lock = threading.RLock()
        """Held while parts are killed and started."""
        self.logs = settings.home / "logs" / "processes"
        self._session: Session | None = None
        self._is_stopped = False

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
        """Start every part, afresh: the local AWS may start empty, and runs of an earlier session would only fail."""
        self._require_home()
        require_free_port(self.settings.local_aws_port, "LOCAL_AWS_PORT", "the local AWS")
        require_free_port(self.settings.airflow_port, "AIRFLOW_PORT", "Airflow's web UI")
        self.logs.mkdir(parents=True, exist_ok=True)
        self._session = Session.begin(self.settings.home, self.environment, self.postgres.home)
        self.postgres.create()
        for name in self.services:
            self.restart(name, wait=False)
        self.wait_until_ready(["postgres"])
        self.postgres.create_database()
        self._run_to_its_end("db-migrate", self.airflow("db", "migrate"))
        for name in self.airflow_parts:
            self.restart(name, wait=False)
        self.wait_until_ready()

    def _require_home(self) -> None:
        session = Session.find(self.settings.home)
        if session is None:
            return
        if session.is_running:
            raise StackError(
                f"A local stack runs already in {self.settings.home}, started by process {session.pid}. Stop that one "
                "first, with Ctrl-C where it was started."
            )
        # It was killed before it could clean up.
        for pid in session.leftovers():
            send(signal.SIGKILL, tree(pid))
        shutil.rmtree(session.postgres, ignore_errors=True)
        end_session(self.settings.home)

    def stop(self) -> None:
        """End every part with all that it started; a second Ctrl-C does not keep it from that."""
        with interruptions_ignored(), self.lock:
            self._is_stopped = True
            # The services last: the others talk to them as they end.
            self._stop([name for name in self.parts if name not in self.services])
            self._stop([name for name in self.services if name in self.parts])
            self.parts.clear()
            if self._session is not None:  # else another stack's may be there
                end_session(self.settings.home)
                self.postgres.remove()

    def _stop(self, names: list[str]) -> None:
        members: set[psutil.Process] = set()
        for name in names:
            self.parts[name].is_wanted = False
            processes = tree(self.parts[name].process.pid) if self.parts[name].process.poll() is None else set()
            leader = {process for process in processes if process.pid == self.parts[name].process.pid}
            send(SIGNALS_TO_STOP.get(name, signal.SIGTERM), leader if name in SIGNALS_TO_STOP else processes)
            members |= processes
        psutil.wait_procs(members, timeout=SECONDS_TO_STOP)
        for name in names:
            kill_tree(self.parts[name].process)

    def check(self, names: Collection[str] | None = None) -> None:
        """
        :param names: of the parts to look at; default: all
        :raises StackError: a part has died
        """
        for name, part in self.parts.items():
            if names is not None and name not in names:
                continue
            if part.is_wanted and part.process.poll() is not None:
                raise StackError(
                    f"{name} has ended with exit code {part.process.returncode}. The end of its log, "
                    f"{self.log_of(name)}:\n{_tail(self.log_of(name))}"
                )

    def log_of(self, name: str) -> Path:
        """The log of a part's process."""
        return self.logs / f"{name}.log"

    def kill(self, name: str) -> None:
        """SIGKILL to a part with all that it started, as if its machine had died."""
        self.parts[name].is_wanted = False
        kill_tree(self.parts[name].process)

    def restart(self, name: str, wait: bool = True) -> None:
        """
        Start a part that was killed, has died, or was never started.

        :raises StackError: the stack is stopped, or the part does not start
        """
        if self._is_stopped:
            raise StackError(f"The stack is stopped; {name} is not started again.")
        if name in self.parts:
            kill_tree(self.parts[name].process)
        self._start(name, self.command_of(name))
        if wait:
            self.wait_until_ready([name])

    def revive(self) -> list[str]:
        """Start what has died unasked, as systemd or Kubernetes would; return the names."""
        dead = [name for name, part in self.parts.items() if part.is_wanted and part.process.poll() is not None]
        for name in dead:
            self.restart(name, wait=False)
        return dead

    def wait_until_ready(self, names: Sequence[str] | None = None) -> None:
        """
        :raises StackError: a part has died, or takes too long
        """
        missing = list(names or (*self.services, *self.airflow_parts))
        deadline = time.monotonic() + SECONDS_TO_START
        while missing := [name for name in missing if not self.is_ready(name)]:
            self.check(missing)
            if time.monotonic() > deadline:
                raise StackError(f"{', '.join(missing)}: not ready after {SECONDS_TO_START} s. Logs are in {self.logs}")
            time.sleep(0.1)

    def is_ready(self, name: str) -> bool:
        """Whether a part answers, or has given a sign of life since it was started."""
        if name == "postgres":
            return self.postgres.is_ready()
        if name == "local-aws":
            return get_json(f"{self.settings.local_aws_url}/_local/health") is not None
        health = get_json(f"{self.settings.airflow_url}/api/v2/monitor/health")
        if name == "api-server" or health is None:
            return health is not None
        heartbeat = health[HEALTH_OF[name]][f"latest_{HEALTH_OF[name]}_heartbeat"]
        return heartbeat is not None and datetime.fromisoformat(heartbeat) > self.parts[name].started

    def command_of(self, name: str) -> list[str]:
        """How a part is run."""
        commands: dict[str, Callable[[], list[str]]] = {
            "postgres": lambda: self.postgres.command,
            "local-aws": self._local_aws,
            # Logs are read from the files; the servers of logs would listen on all addresses.
            "scheduler": lambda: self.airflow("scheduler", "--skip-serve-logs"),
            "triggerer": lambda: self.airflow("triggerer", "--skip-serve-logs"),
        }
        return commands.get(name, lambda: self.airflow(name))()

    def _local_aws(self) -> list[str]:
        settings = self.settings
        command = [sys.executable, "-m", "local_aws", "--port", str(settings.local_aws_port)]
        command += ["--pace", str(settings.pace)] if settings.pace is not None else []
        return command + (["--data-dir", str(settings.data_dir)] if settings.data_dir is not None else [])

    def airflow(self, *arguments: str) -> list[str]:
        """A command of Airflow's."""
        return [sys.executable, "-m", "airflow", *arguments]

    def _start(self, name: str, command: list[str]) -> None:
        how: dict[str, Any] = self.postgres.how_to_start() if name == "postgres" else {"cwd": REPOSITORY}
        with self.log_of(name).open("wb" if name not in self.parts else "ab") as log:
            process = subprocess.Popen(
                command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **how,
            )
        self.parts[name] = Part(process, datetime.now(UTC))
        if self._session is not None:
            self._session.note_part(self.settings.home, name, process.pid)

    def _run_to_its_end(self, name: str, command: list[str]) -> None:
        self._start(name, command)
        try:
            self.parts[name].process.wait(SECONDS_TO_START)
        except subprocess.TimeoutExpired:
            raise StackError(f"{name} takes more than {SECONDS_TO_START} s, see {self.log_of(name)}") from None
        if self.parts[name].process.returncode:
            self.check()
        del self.parts[name]


def get_json(url: str) -> dict[str, dict[str, str]] | None:
    """The answer's JSON; None where there is no good answer."""
    try:
        response = requests.get(url, timeout=5)
        return response.json() if response.ok else None
    except requests.RequestException:  # not there yet, or slow
        return None


def _tail(path: Path, lines: int = 25) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
