"""Endpoints whose update, rollback or change of weights is under way when the local AWS is killed."""

import boto3
import pytest
import requests

from tests.local_aws.conftest import configure, wait_for_endpoint, wait_until
from tests.local_aws.sagemaker.conftest import NEW, OLD, QUESTION, blue_green, percent
from tests.local_aws.server_process import ServerProcess

BUCKET, NAME = "kept", "live"
WATCHED = {
    "AlarmName": "guard",
    "Namespace": "Mine",
    "MetricName": "Wrong",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "ignore",
}
CANARY = blue_green("CANARY", wait=600, alarms=["guard"], CanarySize=percent(50))


@pytest.fixture
def start(tmp_path):
    return lambda: ServerProcess("--data-dir", str(tmp_path / "data"), "--pace", "0.003")


def begin_update(server, model_archive, new_archive):
    """Create an endpoint, and begin to update it; return the names of both configurations."""
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="old.tar.gz", Body=model_archive)
    s3.put_object(Bucket=BUCKET, Key="new.tar.gz", Body=new_archive)
    old, new = (configure(sagemaker, f"s3://{BUCKET}/{name}.tar.gz") for name in ("old", "new"))
    server.client("cloudwatch").put_metric_alarm(**WATCHED)
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=old)
    wait_for_endpoint(sagemaker, NAME)
    sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName=new, DeploymentConfig=CANARY)
    wait_until(lambda: "Baking" in str(describe(server).get("PendingDeploymentSummary")))
    return old, new


def describe(server):
    return server.client("sagemaker").describe_endpoint(EndpointName=NAME)


def trip(server):
    server.client("cloudwatch").set_alarm_state(AlarmName="guard", StateValue="ALARM", StateReason="a drill")


def answers(server, count):
    runtime = boto3.client("sagemaker-runtime", endpoint_url=server.url)
    bodies = [
        runtime.invoke_endpoint(EndpointName=NAME, ContentType="application/json", Body=QUESTION)["Body"].read()
        for _ in range(count)
    ]
    return {NEW if NEW in body else OLD for body in bodies}


def test_an_update_goes_on_and_then_a_change_of_weights(start, model_archive, new_archive):
    with start() as server:
        old, new = begin_update(server, model_archive, new_archive)
        server.kill()

    with start() as server:
        found = describe(server)
        assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Updating", old)
        assert found["LastDeploymentConfig"] == CANARY
        assert OLD in answers(server, 10)  # half of them, or all
        wait_for_endpoint(server.client("sagemaker"), NAME)
        assert describe(server)["EndpointConfigName"] == new
        assert answers(server, 5) == {NEW}
        wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 2, "DesiredWeight": 7.0}]
        server.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=NAME, DesiredWeightsAndCapacities=wanted
        )
        server.kill()

    with start() as server:
        wait_for_endpoint(server.client("sagemaker"), NAME)
        (variant,) = describe(server)["ProductionVariants"]
        assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (2, 7.0)


def test_a_rollback_is_completed(start, model_archive, new_archive):
    with start() as server:
        old, _ = begin_update(server, model_archive, new_archive)
        trip(server)
        wait_until(lambda: describe(server)["EndpointStatus"] == "RollingBack")
        server.kill()

    with start() as server:
        wait_for_endpoint(server.client("sagemaker"), NAME)
        found = describe(server)
        assert found["EndpointConfigName"] == old
        assert "guard" in found["FailureReason"]
        assert answers(server, 5) == {OLD}


def test_an_update_that_could_not_be_rolled_back_still_has_both_fleets(start, model_archive, new_archive):
    with start() as server:
        begin_update(server, model_archive, new_archive)
        requests.post(f"{server.url}/_local/faults", json={"phase": "RollingBack"}, timeout=5)
        trip(server)
        wait_until(lambda: describe(server)["EndpointStatus"] == "UpdateRollbackFailed")
        assert answers(server, 40) == {OLD, NEW}
        server.kill()

    with start() as server:
        assert describe(server)["EndpointStatus"] == "UpdateRollbackFailed"
        assert answers(server, 40) == {OLD, NEW}
