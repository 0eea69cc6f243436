"""A run with many deferrals on a machine that stalls: https://github.com/apache/airflow/issues/71580"""

import random
import signal
import threading
from contextlib import suppress
from datetime import timedelta

import psutil

from hashtag_retrain.operators.hold import MINUTES
from hashtag_retrain.triggers.endpoint import DELETE
from include.aws.clock import time_now
from include.aws.resources import IN_ORDER_OF_CREATION
from include.config.ownership import as_tags, ownership_tags
from local_stack.airflow_api import AirflowApi
from local_stack.errors import StackError
from local_stack.stack import LocalStack
from tests.end_to_end.conftest import client_of
from tests.end_to_end.dags.deferrals import BUCKET, OF_EACH_KIND, deploy_request, train_request

DAG_ID = "deferrals"
ROUND = "a"
KINDS = ("wait", "train", "deploy", "hold", "delete")


def make_model(stack: LocalStack) -> None:
    """A model for the endpoints, and the files that the round's jobs train on."""
    s3, sagemaker = client_of(stack, "s3"), client_of(stack, "sagemaker")
    for channel in ("train", "validation"):
        body = b"__label__a hello world\n__label__b good bye\n" * 20
        s3.put_object(Bucket=BUCKET, Key=f"deferrals/{channel}/{channel}.txt", Body=body)
    sagemaker.create_training_job(**train_request("before"))
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName="before", WaiterConfig={"Delay": 1})


def make_endpoints(stack: LocalStack) -> None:
    """Those that the run's tasks hold and delete."""
    client = client_of(stack, "sagemaker")
    tags = as_tags(ownership_tags("deferrals", "tests", "deferrals", time_now(client) + timedelta(hours=1)))
    names = [f"{kind}-{ROUND}-{number}" for kind in ("hold", "delete") for number in range(OF_EACH_KIND)]
    for name in names:
        for kind in IN_ORDER_OF_CREATION:
            kind.call(client, "create", name, **deploy_request(name)[kind.request_name], Tags=tags)
    for name in names:
        client.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1})


def scheduler(stack: LocalStack) -> list[psutil.Process]:
    return [psutil.Process(stack.parts["scheduler"].process.pid)]


def workers(stack: LocalStack) -> list[psutil.Process]:
    """The processes of the executor in which tasks are supervised, two of four."""
    return psutil.Process(stack.parts["scheduler"].process.pid).children()[:2]


def stall(stack: LocalStack, over: threading.Event) -> None:
    """Stop the scheduler or workers for 3 to 12 seconds, and let them go on for one or two, again and again."""
    chance = random.Random(0)
    while not over.wait(chance.uniform(1, 2)):
        stopped = chance.choice((scheduler, workers))(stack)
        try:
            for process in stopped:
                process.send_signal(signal.SIGSTOP)
            over.wait(chance.uniform(3, 12))
        finally:
            for process in stopped:
                process.send_signal(signal.SIGCONT)


def attend(stack: LocalStack, airflow: AirflowApi, run_id: str) -> str | None:
    """Bring the tweets as soon as they are waited for, and answer as soon as somebody asks; the run's final state."""
    tasks = airflow.tasks(DAG_ID, run_id)
    for number in range(OF_EACH_KIND):
        if tasks.get(f"wait_{number}", {}).get("state") == "deferred":
            key = f"deferrals/tweets-{ROUND}-{number}/labeled.csv/part-0.csv"
            client_of(stack, "s3").put_object(Bucket=BUCKET, Key=key, Body=b"0,hello\n")
        if tasks.get(f"hold_{number}", {}).get("state") in {"running", "deferred"}:
            with suppress(StackError):  # nobody has asked yet, or it is answered
                airflow.answer(DAG_ID, run_id, f"hold_{number}", DELETE, {MINUTES: 1})
    state = airflow.run_state(DAG_ID, run_id)
    return state if state in {"success", "failed"} else None


def deferrals(stack: LocalStack, run_id: str) -> int:
    logs = stack.settings.home.glob(f"logs/dag_id={DAG_ID}/run_id={run_id}/**/*.log")
    return sum(path.read_text(errors="replace").count("Pausing task as DEFERRED") for path in logs)
