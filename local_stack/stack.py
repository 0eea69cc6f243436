"""Start, check and stop a local AWS and a whole Airflow on PostgreSQL. Chaos also kills and restarts the parts."""

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

from include.samples import make_bucket
from local_aws import ADMIN_PATH
from local_stack.errors import StackError
from local_stack.ports import require_free_port
from local_stack.processes import interruptions_ignored, kill_tree, send, tree
from local_stack.session import Session, end_session
from local_stack.settings import REPOSITORY, StackSettings

SERVICES = ("postgres", "local-aws")
AIRFLOW_PARTS = ("scheduler", "dag-processor", "triggerer", "api-server")
SECONDS_TO_START = 600
"""For slow machines; a part that dies is noticed at once."""
SECONDS_TO_STOP = 8
SIGNALS_TO_STOP = {"postgres": signal.SIGINT}
"""SIGINT is PostgreSQL's fast shutdown. After SIGTERM it would wait for its clients."""


@dataclass(slots=True)
class Part:
    """A process of the stack, and when it was started."""

    process: subprocess.Popen[bytes]
    started: datetime
    is_wanted: bool = True
    """False: it was killed on purpose."""


class LocalStack:
    """
    The parts of a stack, as a context manager. It ends all processes that it has started, also after an exception. Its
    methods can be called from several threads.

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
        """Held while parts are killed or started."""
        self.logs = settings.home / "logs" / "processes"
        self._session: Session | None = None
        self._is_stopped = False
        self._has_history = False

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException as error:
            self.__exit__(None, error)
            raise
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        try:
            self.stop()
        except StackError as failure:
            if isinstance(error, StackError):
                raise StackError(f"{error}\n{failure}") from None
            raise

    def start(self) -> None:
        """Start every part. The database is new, unless the settings name a file for its history."""
        self._clean_home()
        require_free_port(self.settings.local_aws_port, "LOCAL_AWS_PORT", "the local AWS")
        require_free_port(self.settings.airflow_port, "AIRFLOW_PORT", "Airflow's web UI")
        self._make_home()
        self._session = Session.begin(self.settings.home, self.environment, self.postgres.home)
        self.postgres.create()
        for name in self.services:
            self.restart(name, wait=False)
        self.wait_until_ready(["postgres"])
        self.postgres.create_database()
        self.before_airflow()
        self._fill_database()
        for name in self.airflow_parts:
            self.restart(name, wait=False)
        self.wait_until_ready()
        self._has_history = self.settings.history is not None

    def _fill_database(self) -> None:
        history = self.settings.history if self.settings.history and self.settings.history.exists() else None
        try:
            if history:
                self.postgres.restore(history)
            self._run_to_end("db-migrate", self.airflow("db", "migrate"))
        except StackError as error:
            hint = f"\nTo start without the history of earlier runs, remove {history}." if history else ""
            raise StackError(f"{error}{hint}") from None

    def client(self, service: str) -> Any:
        """
        A boto3 client for the local AWS of a stack that has been started.

        :raises StackError: it has not
        """
        if self._session is None:
            raise StackError("The stack has not been started.")
        return self._session.client(service)

    def before_airflow(self) -> None:
        """Called when the database is ready, before Airflow's parts start, whose first runs look for tweets at once."""
        self.wait_until_ready(["local-aws"])
        make_bucket(self.client("s3"), self.settings.bucket)

    def _make_home(self) -> None:
        """For this user alone: logs, tweets and models are in it."""
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            self.settings.home.chmod(0o700)
        except OSError as error:
            raise StackError(
                f"{self.settings.home} cannot be written: {error.strerror}. Set LOCAL_STACK_HOME to another folder."
            ) from None

    def _clean_home(self) -> None:
        session = Session.find(self.settings.home)
        if session is None:
            return
        if session.is_running:
            raise StackError(
                f"A local stack is already running in {self.settings.home}, started by process {session.pid}. Stop it "
                "first, with Ctrl-C in its terminal."
            )
        # The earlier stack was killed before it could end its parts.
        for pid in session.leftovers():
            send(signal.SIGKILL, tree(pid))
        shutil.rmtree(session.postgres, ignore_errors=True)
        end_session(self.settings.home)

    def stop(self) -> None:
        """
        End every part with its descendants. Ctrl-C does not interrupt this.

        :raises StackError: everything has ended, but the history could not be kept
        """
        with interruptions_ignored(), self.lock:
            self._is_stopped = True
            # The services are ended last, because the other parts use them while they end.
            try:
                self._stop([name for name in self.parts if name not in self.services])
                self._keep_history()
            finally:
                self._stop([name for name in self.services if name in self.parts])
                self.parts.clear()
                if self._session is not None:  # otherwise the session may be another stack's
                    end_session(self.settings.home)
                    self.postgres.remove()

    def _keep_history(self) -> None:
        if not self._has_history or self.settings.history is None:
            return
        self._has_history = False
        try:
            self.postgres.dump(self.settings.history)
        except (StackError, OSError) as error:
            raise StackError(f"What Airflow has done since its start is not kept for the next one: {error}") from None

    def _stop(self, names: list[str]) -> None:
        members: set[psutil.Process] = set()
        for name in names:
            self.parts[name].is_wanted = False
            processes = tree(self.parts[name].process.pid) if self.parts[name].process.poll() is None else []
            leader = {process for process in processes if process.pid == self.parts[name].process.pid}
            send(SIGNALS_TO_STOP.get(name, signal.SIGTERM), leader if name in SIGNALS_TO_STOP else processes)
            members |= {*processes}
        psutil.wait_procs(members, timeout=SECONDS_TO_STOP)
        for name in names:
            kill_tree(self.parts[name].process)

    def check(self, names: Collection[str] | None = None) -> None:
        """
        :param names: the parts to check; default: all
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
        """The log file of a part."""
        return self.logs / f"{name}.log"

    def kill(self, name: str) -> None:
        """Send SIGKILL to a part and its descendants, as if its machine had died."""
        self.parts[name].is_wanted = False
        kill_tree(self.parts[name].process)

    def restart(self, name: str, wait: bool = True) -> None:
        """
        Start a part, whether it was running before or not.

        :raises StackError: the stack is stopped, or the part does not start
        """
        if self._is_stopped:
            raise StackError(f"The stack is stopped; {name} is not started.")
        if name in self.parts:
            kill_tree(self.parts[name].process)
        self._start(name, self.command_of(name))
        if wait:
            self.wait_until_ready([name])

    def revive(self) -> list[str]:
        """Restart the parts that have died by themselves, like systemd or Kubernetes. Return their names."""
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
        """Whether a part answers, or has sent a heartbeat since it was started."""
        if name == "postgres":
            return self.postgres.is_ready()
        if name == "local-aws":
            return get_json(f"{self.settings.local_aws_url}{ADMIN_PATH}health") is not None
        health = get_json(f"{self.settings.airflow_url}/api/v2/monitor/health")
        if name == "api-server" or health is None:
            return health is not None
        component = name.replace("-", "_")
        heartbeat = health[component][f"latest_{component}_heartbeat"]
        return heartbeat is not None and datetime.fromisoformat(heartbeat) > self.parts[name].started

    def command_of(self, name: str) -> list[str]:
        """The command that runs a part."""
        commands: dict[str, Callable[[], list[str]]] = {
            "postgres": lambda: self.postgres.command,
            "local-aws": self._local_aws,
            # Without log servers, which would listen on all addresses. Airflow reads the log files directly.
            "scheduler": lambda: self.airflow("scheduler", "--skip-serve-logs"),
            "triggerer": lambda: self.airflow("triggerer", "--skip-serve-logs"),
        }
        return commands.get(name, lambda: self.airflow(name))()

    def _local_aws(self) -> list[str]:
        settings = self.settings
        command = [sys.executable, "-m", "local_aws", "--port", str(settings.local_aws_port)]
        command += ["--airflow-url", settings.airflow_url]
        command += ["--pace", str(settings.pace)] if settings.pace is not None else []
        return command + (["--data-dir", str(settings.data_dir)] if settings.data_dir is not None else [])

    def airflow(self, *arguments: str) -> list[str]:
        """A command of the Airflow command line."""
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

    def _run_to_end(self, name: str, command: list[str]) -> None:
        self._start(name, command)
        try:
            self.parts[name].process.wait(SECONDS_TO_START)
        except subprocess.TimeoutExpired:
            raise StackError(f"{name} takes more than {SECONDS_TO_START} s, see {self.log_of(name)}") from None
        if self.parts[name].process.returncode:
            self.check()
        del self.parts[name]


def get_json(url: str) -> dict[str, dict[str, str]] | None:
    """The JSON at a URL. None: no answer, or an error."""
    try:
        response = requests.get(url, timeout=5)
        return response.json() if response.ok else None
    except requests.RequestException:  # the server has not started yet, or is slow
        return None


def _tail(path: Path, lines: int = 25) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
