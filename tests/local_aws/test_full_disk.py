"""
A full disk: an error that says so and changes nothing; and when there is space, everything goes on.

No file of the server's may grow beyond a size, which the kernel refuses like a write to a full disk, and for which a
test needs no rights.
"""

import json
import resource
import sqlite3
import time

import pytest
from botocore.exceptions import ClientError, WaiterError

from tests.conftest import IMAGE
from tests.local_aws.conftest import deploy, small_training_request, wait_for_endpoint
from tests.local_aws.server_process import ServerProcess

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@pytest.fixture
def server(tmp_path):
    with ServerProcess("--data-dir", str(tmp_path / "data")) as server:
        yield server


def fill(server: ServerProcess) -> None:
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))


def free(server: ServerProcess) -> None:
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, UNLIMITED)


def refusal(call, **arguments) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    assert error.value.response["Error"]["Code"] == "ServiceUnavailable"
    return error.value.response["Error"]["Message"]


def contents(s3) -> dict[str, object]:
    """All that S3 has."""
    found = {}
    for bucket in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]:
        for key in [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]:
            object = s3.get_object(Bucket=bucket, Key=key)
            tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
            found[f"{bucket}/{key}"] = (object["Body"].read(), object["ETag"], object["Metadata"], tags)
        found[bucket] = "a bucket"
    return found


def test_s3_is_as_it_was_and_goes_on(tmp_path, server):
    s3 = server.client("s3")
    for bucket in ("bucket", "empty"):
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket="bucket", Key="old", Body=b"old", Metadata={"a": "b"}, Tagging="c=d")
    before = contents(s3)
    fill(server)

    messages = {
        refusal(s3.put_object, Bucket="bucket", Key="old", Body=b"newer"),
        refusal(s3.put_object, Bucket="bucket", Key="new", Body=b"new"),
        refusal(s3.put_object, Bucket="bucket", Key="large", Body=bytes(20_000_000)),
        refusal(s3.copy_object, Bucket="bucket", Key="copy", CopySource="bucket/old"),
        refusal(s3.delete_object, Bucket="bucket", Key="old"),
        refusal(s3.put_object_tagging, Bucket="bucket", Key="old", Tagging={"TagSet": [{"Key": "e", "Value": "f"}]}),
        refusal(s3.create_bucket, Bucket="another"),
        refusal(s3.delete_bucket, Bucket="empty"),
    }
    seen = contents(s3)
    free(server)

    assert seen == before
    assert all("cannot be written" in message or "no space" in message for message in messages), messages
    s3.put_object(Bucket="bucket", Key="new", Body=b"new")
    s3.delete_bucket(Bucket="empty")
    after = contents(s3)
    assert set(after) == {"bucket", "bucket/old", "bucket/new"}
    server.kill()
    with ServerProcess("--data-dir", str(tmp_path / "data")) as again:
        assert contents(again.client("s3")) == after


def test_the_versions_of_an_object_are_as_they_were(server):
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    for key, body in (("two", b"1"), ("two", b"2"), ("gone", b"3")):
        s3.put_object(Bucket="bucket", Key=key, Body=body)
    s3.delete_object(Bucket="bucket", Key="gone")

    def versions() -> list[tuple[str, str, bool]]:
        listed = s3.list_object_versions(Bucket="bucket")
        found = [*listed["Versions"], *listed["DeleteMarkers"]]
        return [(entry["Key"], entry["VersionId"], entry["IsLatest"]) for entry in found]

    before = versions()
    fill(server)
    refusal(s3.put_object, Bucket="bucket", Key="two", Body=b"4")
    refusal(s3.put_object, Bucket="bucket", Key="gone", Body=b"5")
    refusal(s3.delete_object, Bucket="bucket", Key="two")
    seen = versions()
    free(server)

    assert seen == before


def test_sagemaker_is_as_it_was_and_goes_on(tmp_path, server):
    sagemaker = server.client("sagemaker")
    model = {"ModelName": "m", "PrimaryContainer": {"Image": IMAGE}}
    arn = sagemaker.create_model(**model)["ModelArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    sagemaker.create_model_package_group(ModelPackageGroupName="g")
    fill(server)

    refusal(sagemaker.create_model, **{**model, "ModelName": "another"})
    refusal(sagemaker.add_tags, ResourceArn=arn, Tags=[{"Key": "a", "Value": "c"}])
    refusal(sagemaker.delete_model, ModelName="m")
    message = refusal(sagemaker.create_model_package, ModelPackageGroupName="g")
    tags = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    models = [found["ModelName"] for found in sagemaker.list_models()["Models"]]
    free(server)

    assert message.startswith(f"The data directory {tmp_path / 'data'} cannot be written (")
    assert message.endswith("). Nothing was changed.")
    assert (models, tags) == (["m"], [{"Key": "a", "Value": "b"}])
    sagemaker.create_model(**{**model, "ModelName": "another"})
    assert sagemaker.create_model_package(ModelPackageGroupName="g")["ModelPackageArn"].endswith("/g/1")
    server.kill()
    with ServerProcess("--data-dir", str(tmp_path / "data")) as again:
        assert len(again.client("sagemaker").list_models()["Models"]) == 2


def test_alarms_are_as_they_were(server):
    cloudwatch = server.client("cloudwatch")
    request = {"Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
    request |= {"ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "ignore", "Threshold": 0.0}
    cloudwatch.put_metric_alarm(AlarmName="a", **request, Tags=[{"Key": "k", "Value": "v"}])
    before = cloudwatch.describe_alarms()["MetricAlarms"]
    arn = before[0]["AlarmArn"]
    fill(server)

    refusal(cloudwatch.put_metric_alarm, AlarmName="a", **{**request, "Threshold": 1.0})
    refusal(cloudwatch.put_metric_alarm, AlarmName="b", **request)
    refusal(cloudwatch.set_alarm_state, AlarmName="a", StateValue="ALARM", StateReason="x")
    refusal(cloudwatch.tag_resource, ResourceARN=arn, Tags=[{"Key": "x", "Value": "y"}])
    refusal(cloudwatch.untag_resource, ResourceARN=arn, TagKeys=["k"])
    refusal(cloudwatch.delete_alarms, AlarmNames=["a"])

    assert cloudwatch.describe_alarms()["MetricAlarms"] == before
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    free(server)
    cloudwatch.delete_alarms(AlarmNames=["a"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def kept(tmp_path, kind: str) -> list[dict]:
    with sqlite3.connect(tmp_path / "data" / "state.sqlite") as database:
        return [
            json.loads(document)
            for (document,) in database.execute("SELECT document FROM documents WHERE kind = ?", (kind,))
        ]


def test_a_job_fails_in_words_and_is_kept_when_there_is_space(tmp_path, server):
    s3, sagemaker = server.client("s3"), server.client("sagemaker")
    s3.create_bucket(Bucket="bucket")
    request = small_training_request(s3, "bucket", epochs="2")
    request["HyperParameters"]["epochs"] = "400"
    sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    fill(server)
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    with pytest.raises(Exception, match="terminal failure"):
        waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})
    reason = sagemaker.describe_training_job(TrainingJobName=name)["FailureReason"]
    free(server)

    while [job["status"] for job in kept(tmp_path, "training-job")] != ["Failed"]:
        time.sleep(0.1)
    server.kill()
    with ServerProcess("--data-dir", str(tmp_path / "data")) as again:
        found = again.client("sagemaker").describe_training_job(TrainingJobName=name)

    assert found["FailureReason"] == reason
    assert reason.startswith(("InternalServerError: ", "AlgorithmError: "))


def test_an_endpoint_without_room_for_its_model_is_failed_in_words_and_the_next_one_serves(model_archive):
    with ServerProcess() as server:
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="model.tar.gz", Body=model_archive)
        fill(server)
        first = deploy(sagemaker, "s3://bucket/model.tar.gz")
        with pytest.raises(WaiterError, match="Failed"):
            wait_for_endpoint(sagemaker, first)
        reason = sagemaker.describe_endpoint(EndpointName=first)["FailureReason"]
        free(server)
        wait_for_endpoint(sagemaker, deploy(sagemaker, "s3://bucket/model.tar.gz"))

    assert reason.startswith("InternalServerError: ")
    assert "File too large" in reason
