"""
Airflow's policies without one of their permissions: for each, the run fails and says what is missing, before anything
is created that could not be removed again.
"""

import json
from typing import Any

import pytest

from hashtag_retrain.live import OFF
from include.config.settings import Settings
from infrastructure.policies import policy
from tests.conftest import REPOSITORY
from tests.dags.runs import Run, tweets
from tests.users import FOR_AIRFLOW, User, permissions_in, placeholders

DATE = "2026-01-07"
OF_SWEEPS = [
    "sagemaker:ListEndpointConfigs",
    "sagemaker:ListHyperParameterTuningJobs",
    "sagemaker:ListModels",
    "sagemaker:ListTrainingJobs",
]
OF_NO_RUN = {
    "s3:AbortMultipartUpload": "only after an upload in parts that has failed",
    "logs:DescribeLogStreams": "the run goes on without the job's log, and says so",
    "logs:GetLogEvents": "the run goes on without the job's log, and says so",
    "sns:Publish": "the run goes on, and nobody is told",
    "sqs:ReceiveMessage": "Airflow's own trigger reads the queue; scheduled runs start all the same",
    "sqs:DeleteMessage": "Airflow's own trigger reads the queue; scheduled runs start all the same",
    "glue:DeleteJob": "a job that is left over is not billed: its runs are",
    "sagemaker:DeleteTags": "the next update replaces a tag that is left over",
    "cloudwatch:DescribeAlarmHistory": "only after a rollback, for its reason",
    "cloudwatch:DeleteAlarms": "only to turn a live endpoint off",
}
"""Permissions without which no run fails, and why."""


def permissions_of(name: str) -> list[str]:
    return [action for action in permissions_in(name) if action not in {*OF_NO_RUN, *OF_SWEEPS}]


@pytest.fixture
def without(client: Any, airflow_user: Any) -> Any:
    """Takes a permission from Airflow's user."""

    def take(action: str) -> None:
        for name in FOR_AIRFLOW:
            document = policy(name, placeholders(Settings.from_environment()))
            for statement in document["Statement"]:
                listed = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
                statement["Action"] = [one for one in listed if one != action] or ["none:None"]
            client("iam").put_user_policy(
                UserName=airflow_user.name, PolicyName=name, PolicyDocument=json.dumps(document)
            )

    return take


def check(run: Run, action: str) -> None:
    """That a run has failed, says which permission is missing, and has left no endpoint."""
    assert run.state == "failed"
    assert f'{{"Effect": "Allow", "Action": "{action}", "Resource": "' in " ".join(run.messages)
    assert run.endpoints == []


def run_other_dag(dag_id: str, user: User, **parameters: Any) -> tuple[str, str]:
    """The state of a run of another DAG than a hashtag's, and the messages of its failed tasks."""
    from airflow.dag_processing.dagbag import DagBag

    dag = DagBag(str(REPOSITORY / "dags" / f"{dag_id}.py")).dags[dag_id]
    for task in dag.tasks:
        task.retries = 0
    with user.signs():
        dag_run = dag.test(run_conf=parameters)
    return str(dag_run.state), " ".join(Run.messages_of(dag_run.run_id))


@pytest.mark.parametrize("action", permissions_of("airflow"))
def test_a_run_names_the_permission_that_it_misses(action, without, run_dag, upload):
    upload(tweets(), DATE)
    without(action)

    check(run_dag(DATE, tune="Tuning" in action, tuning_jobs=2), action)


@pytest.mark.parametrize("action", permissions_of("airflow_live"))
def test_a_promotion_names_the_permission_that_it_misses(action, live, without, run_dag, upload):
    upload(tweets(600), DATE, live)
    run_dag(DATE, live)
    upload(tweets(600), "2026-01-08", live)
    without(action)

    check(run_dag("2026-01-08", live), action)


@pytest.mark.parametrize("action", ["cloudwatch:DeleteAlarms", "sagemaker:DeleteEndpoint"])
def test_turning_off_names_the_permission_that_it_misses(action, live, without, run_dag, upload, airflow_user):
    upload(tweets(600), DATE, live)
    run_dag(DATE, live)
    without(action)

    state, messages = run_other_dag("live_endpoint", airflow_user, hashtag=live, action=OFF)

    assert state == "failed"
    assert f'"Action": "{action}", "Resource": "' in messages


@pytest.mark.parametrize("action", permissions_of("airflow_glue"))
def test_a_preparation_on_glue_names_the_permission_that_it_misses(action, on_glue, without, run_dag, upload):
    upload(tweets(), DATE)
    without(action)

    check(run_dag(DATE), action)


@pytest.mark.parametrize("action", OF_SWEEPS)
def test_a_sweep_names_the_permission_that_it_misses(action, without, airflow_user, airflow_database):
    without(action)

    state, messages = run_other_dag("sweep_endpoints", airflow_user, dry_run=True)

    assert state == "failed"
    assert f'"Action": "{action}", "Resource": "*"' in messages
