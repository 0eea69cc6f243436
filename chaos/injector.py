"""Inject the disruptions of a plan."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import requests

from chaos.clients import Clients
from chaos.live import HASHTAG
from chaos.plan import Disruption, Plan
from chaos.stack import ChaosStack
from hashtag_retrain.operators.hold import MINUTES
from hashtag_retrain.triggers.endpoint import DELETE, KEEP
from include.config.names import Keys, run_name, start_of_live_names
from include.samples import DATES, SAMPLE_DATA
from local_stack.airflow_api import FINAL_RUN_STATES, wait_until
from local_stack.errors import StackError

SECONDS_FOR_QUESTION = 20
SECONDS_FOR_TEARDOWNS = 120
SECONDS_BETWEEN_FILES = 0.7
S3_ERRORS = {"ThrottlingException": "SlowDown", "InternalServerError": "InternalError"}
"""S3's codes for errors that have other codes in other services."""


class Injector:
    """
    Injects the disruptions of one round. Each kind of disruption is a method.

    :param run_id: the run whose tasks and state are changed
    """

    def __init__(self, stack: ChaosStack, clients: Clients, plan: Plan, run_id: str):
        self._stack, self._clients, self._plan, self._run_id = stack, clients, plan, run_id
        self.deleted = False
        """Whether the run was deleted."""

    def inject(self, disruption: Disruption) -> None:
        """
        :raises StackError: Airflow refuses the request, or a part does not start again
        """
        action: Callable[[Disruption], None] = getattr(self, disruption.kind)
        action(disruption)

    def kill(self, disruption: Disruption) -> None:
        with self._stack.lock:
            self._stack.kill(disruption.detail)
            time.sleep(disruption.seconds)
            self._stack.restart(disruption.detail, wait=disruption.detail == "local-aws")

    def database_gone(self, disruption: Disruption) -> None:
        with self._stack.lock:
            self._stack.database_gone(disruption.seconds)

    def freeze(self, disruption: Disruption) -> None:
        self._stack.freeze(disruption.detail, disruption.seconds)

    def write_slowly(self, disruption: Disruption) -> None:
        """Write tweets like Spark: first below _temporary/, then each file to its place, and _SUCCESS at the end."""
        folder = Keys(self._clients.settings.prefix, self._plan.hashtag, self._plan.parameters["date"]).tweets
        sample = SAMPLE_DATA / "hashtags" / self._plan.hashtag / DATES[-1] / "labeled.csv" / "part-00000.csv"
        rows = sample.read_bytes().splitlines(keepends=True)
        parts = {f"part-{number:05}.csv": b"".join(rows[number::3]) for number in range(3)}
        bucket, s3 = self._clients.settings.bucket, self._clients.s3
        for name, body in parts.items():
            s3.put_object(Bucket=bucket, Key=f"{folder}/_temporary/0/{name}", Body=body)
            time.sleep(SECONDS_BETWEEN_FILES)
        for name, body in parts.items():
            s3.put_object(Bucket=bucket, Key=f"{folder}/{name}", Body=body)
            time.sleep(SECONDS_BETWEEN_FILES)
            s3.delete_object(Bucket=bucket, Key=f"{folder}/_temporary/0/{name}")
        s3.put_object(Bucket=bucket, Key=f"{folder}/_SUCCESS", Body=b"")

    def throttle(self, disruption: Disruption) -> None:
        service, code = disruption.detail.split()
        if service == "s3":
            code = S3_ERRORS.get(code, code)
        fault = {"operation": f"{service}:*", "error": code, "times": None, "probability": 0.4, "seed": self._plan.seed}
        self._order(fault, disruption.seconds)

    def fail_training(self, disruption: Disruption) -> None:
        name = f"retrain-{self._plan.hashtag}-{self._plan.parameters['date']}-*"
        self._order({"phase": "Training", "name": name, "message": disruption.detail, "times": 1})

    def fail_endpoint(self, disruption: Disruption) -> None:
        name = run_name(self._clients.deployment, self._plan.dag_id, self._run_id)
        self._order({"phase": "Creating", "name": name, "message": "The container did not start.", "times": 1})

    def slow_model(self, disruption: Disruption) -> None:
        """The live endpoint's models answer, but too slowly: an update is rolled back."""
        fault = {"model": f"{start_of_live_names(HASHTAG)}*", "delay_seconds": 1.5, "times": None}
        self._order(fault, disruption.seconds)

    def damage_artifact(self, disruption: Disruption) -> None:
        for job in self._clients.training_jobs(self._plan):
            bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
            self._clients.s3.put_object(Bucket=bucket, Key=key, Body=b"damaged")

    def mark_task(self, disruption: Disruption) -> None:
        self._clients.airflow.task_state(self._plan.dag_id, self._run_id, disruption.task, disruption.detail)

    def clear_task(self, disruption: Disruption) -> None:
        self._clients.airflow.clear(self._plan.dag_id, self._run_id, [disruption.task])

    def mark_run(self, disruption: Disruption) -> None:
        self._clients.airflow.mark_run(self._plan.dag_id, self._run_id, disruption.detail)

    def delete_run(self, disruption: Disruption) -> None:
        airflow, dag_id = self._clients.airflow, self._plan.dag_id
        airflow.mark_run(dag_id, self._run_id, "failed")
        # Airflow does not delete a running run, and a marked run is running until its teardowns have ended.
        wait_until(
            lambda: airflow.run_state(dag_id, self._run_id) in FINAL_RUN_STATES, SECONDS_FOR_TEARDOWNS, "the run's end"
        )
        airflow.delete_run(dag_id, self._run_id)
        self.deleted = True

    def answer(self, disruption: Disruption) -> None:
        option = KEEP if disruption.detail == "keep" else DELETE
        limit = time.monotonic() + SECONDS_FOR_QUESTION
        while True:
            try:
                self._clients.airflow.answer(self._plan.dag_id, self._run_id, "hold_endpoint", option, {MINUTES: 0.2})
                return
            except StackError:  # the task may not have asked yet
                if time.monotonic() > limit:
                    raise
                time.sleep(0.2)

    def _order(self, fault: dict[str, Any], seconds: float | None = None) -> None:
        url = self._clients.order_fault(fault)
        if seconds is not None:
            timer = threading.Timer(seconds, _withdraw, [url])
            timer.daemon = True
            timer.start()


def _withdraw(url: str) -> None:
    # A local AWS that was killed meanwhile may not answer, and does not have the fault any more.
    with suppress(requests.RequestException):
        requests.delete(url, timeout=10)
