"""Makes go wrong what a plan says."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import requests

from chaos.clients import Clients
from chaos.plan import Mischief, Plan
from chaos.stack import ChaosStack
from hashtag_retrain.operators.hold import MINUTES
from hashtag_retrain.triggers.endpoint import DELETE, KEEP
from include.config.names import Keys, run_name
from include.samples import DATES, SAMPLE_DATA
from local_stack.airflow_api import wait_until
from local_stack.errors import StackError

MEDDLING = ("mark_task", "clear_task", "mark_run", "delete_run")
"""What persons do: a run's state is then what they say."""

SECONDS_FOR_A_QUESTION = 20
SECONDS_FOR_TEARDOWNS = 120


class Saboteur:
    """
    One round's. Each kind of mischief is a method.

    :param run_id: the run that is meddled with
    """

    def __init__(self, stack: ChaosStack, clients: Clients, plan: Plan, run_id: str):
        self._stack, self._clients, self._plan, self._run_id = stack, clients, plan, run_id
        self.deleted = False
        """Whether the run was deleted."""

    def act(self, mischief: Mischief) -> None:
        """
        :raises StackError: Airflow refuses it, or a part does not come back
        """
        action: Callable[[Mischief], None] = getattr(self, mischief.kind)
        action(mischief)

    def kill(self, mischief: Mischief) -> None:
        with self._stack.lock:
            self._stack.kill(mischief.what)
            time.sleep(mischief.seconds)
            self._stack.restart(mischief.what, wait=mischief.what == "local-aws")

    def database_gone(self, mischief: Mischief) -> None:
        with self._stack.lock:
            self._stack.database_gone(mischief.seconds)

    def freeze(self, mischief: Mischief) -> None:
        self._stack.freeze(mischief.what, mischief.seconds)

    def write_slowly(self, mischief: Mischief) -> None:
        """As Spark does: below _temporary/ first, then file by file to where it belongs, and _SUCCESS last."""
        folder = Keys(self._clients.settings.prefix, self._plan.hashtag, self._plan.parameters["date"]).tweets
        sample = SAMPLE_DATA / "hashtags" / self._plan.hashtag / DATES[-1] / "labeled.csv" / "part-00000.csv"
        rows = sample.read_bytes().splitlines(keepends=True)
        parts = {f"part-{number:05}.csv": b"".join(rows[number::3]) for number in range(3)}
        bucket, s3 = self._clients.settings.bucket, self._clients.s3
        for name, body in parts.items():
            s3.put_object(Bucket=bucket, Key=f"{folder}/_temporary/0/{name}", Body=body)
            time.sleep(0.7)
        for name, body in parts.items():
            s3.put_object(Bucket=bucket, Key=f"{folder}/{name}", Body=body)
            time.sleep(0.7)
            s3.delete_object(Bucket=bucket, Key=f"{folder}/_temporary/0/{name}")
        s3.put_object(Bucket=bucket, Key=f"{folder}/_SUCCESS", Body=b"")

    def throttle(self, mischief: Mischief) -> None:
        service, code = mischief.what.split()
        if service == "s3":  # which has its own words for it
            code = {"ThrottlingException": "SlowDown", "InternalServerError": "InternalError"}.get(code, code)
        fault = {"operation": f"{service}:*", "error": code, "times": None, "probability": 0.4, "seed": self._plan.seed}
        self._order(fault, mischief.seconds)

    def fail_training(self, mischief: Mischief) -> None:
        name = f"retrain-{self._plan.hashtag}-{self._plan.parameters['date']}-*"
        self._order({"phase": "Training", "name": name, "message": mischief.what, "times": 1})

    def fail_endpoint(self, mischief: Mischief) -> None:
        name = run_name(self._clients.deployment, self._plan.dag_id, self._run_id)
        self._order({"phase": "Creating", "name": name, "message": "The container did not start.", "times": 1})

    def damage_artifact(self, mischief: Mischief) -> None:
        for job in self._clients.training_jobs(self._plan):
            bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
            self._clients.s3.put_object(Bucket=bucket, Key=key, Body=b"damaged")

    def mark_task(self, mischief: Mischief) -> None:
        self._clients.airflow.task_state(self._plan.dag_id, self._run_id, mischief.task, mischief.what)

    def clear_task(self, mischief: Mischief) -> None:
        self._clients.airflow.clear(self._plan.dag_id, self._run_id, [mischief.task])

    def mark_run(self, mischief: Mischief) -> None:
        self._clients.airflow.mark_run(self._plan.dag_id, self._run_id, mischief.what)

    def delete_run(self, mischief: Mischief) -> None:
        airflow, dag_id = self._clients.airflow, self._plan.dag_id
        airflow.mark_run(dag_id, self._run_id, "failed")
        # Airflow deletes no run that is running, and a marked run goes on until its teardowns have ended.
        states = ("success", "failed")
        wait_until(lambda: airflow.run_state(dag_id, self._run_id) in states, SECONDS_FOR_TEARDOWNS, "its end")
        airflow.delete_run(dag_id, self._run_id)
        self.deleted = True

    def answer(self, mischief: Mischief) -> None:
        option = KEEP if mischief.what == "keep" else DELETE
        limit = time.monotonic() + SECONDS_FOR_A_QUESTION
        while True:
            try:
                self._clients.airflow.answer(self._plan.dag_id, self._run_id, "hold_endpoint", option, {MINUTES: 0.2})
                return
            except StackError:  # it may not have been asked yet
                if time.monotonic() > limit:
                    raise
                time.sleep(0.2)

    def _order(self, fault: dict[str, Any], seconds: float | None = None) -> None:
        where = self._clients.order_fault(fault)
        if seconds is not None:
            withdraw = threading.Timer(seconds, _withdraw, [where])
            withdraw.daemon = True
            withdraw.start()


def _withdraw(url: str) -> None:
    # Killed meanwhile, it has forgotten the fault.
    with suppress(requests.RequestException):
        requests.delete(url, timeout=10)
