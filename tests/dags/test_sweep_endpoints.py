"""The sweep's DAG as Airflow runs it, with what Airflow itself says of runs."""

from datetime import UTC, datetime, timedelta

import pytest

from include.aws.requests import endpoint_request
from include.config.ownership import as_tags, ownership_tags
from tests.conftest import REPOSITORY, ROLE_ARN


@pytest.fixture
def orphan(client, settings):
    """Model and configuration of a run that Airflow does not know (any more)."""
    name = f"retrain-orphan-{settings.bucket}"
    request = endpoint_request(
        name=name,
        image="811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1",
        role_arn=ROLE_ARN,
        model_uri=f"s3://{settings.bucket}/model.tar.gz",
        instance_type="ml.m5.large",
    )
    deadline = datetime.now(UTC) + timedelta(hours=1)
    tags = as_tags(ownership_tags("retrain_aws/manual__gone", settings.deployment, "a test", deadline))
    client("s3").put_object(Bucket=settings.bucket, Key="model.tar.gz", Body=b"x")
    client("sagemaker").create_model(**request["Model"], Tags=tags)
    client("sagemaker").create_endpoint_config(**request["EndpointConfig"], Tags=tags)
    return name


@pytest.fixture
def sweep(airflow_database, local_aws):
    from airflow.dag_processing.dagbag import DagBag

    def run(**parameters):
        dag = DagBag(str(REPOSITORY / "dags" / "sweep_endpoints.py")).dags["sweep_endpoints"]
        dag_run = dag.test(run_conf=parameters)
        found = dag_run.get_task_instance("sweep_endpoints").xcom_pull(task_ids="sweep_endpoints")
        return str(dag_run.state), found

    return run


def test_what_a_run_that_is_gone_has_left_is_deleted_and_a_dry_run_lists_it(sweep, orphan, client):
    state, found = sweep(dry_run=True)
    assert (state, [left["name"] for left in found].count(orphan)) == ("success", 2)
    assert len(client("sagemaker").list_models(NameContains=orphan)["Models"]) == 1

    state, found = sweep(dry_run=False)

    assert (state, [left["name"] for left in found].count(orphan)) == ("success", 2)
    assert {left["run"] for left in found if left["name"] == orphan} == {"ended"}
    assert client("sagemaker").list_models(NameContains=orphan)["Models"] == []
    assert client("sagemaker").list_endpoint_configs(NameContains=orphan)["EndpointConfigs"] == []
