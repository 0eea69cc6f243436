"""What is there after a restart, and after a kill at a bad moment."""

import json
import random
import subprocess
import sys
import threading
import time

import pytest
import requests
from botocore.exceptions import BotoCoreError, ClientError

from tests.conftest import REPOSITORY
from tests.local_aws.conftest import deploy, small_training_request, train, wait_for_endpoint
from tests.local_aws.server_process import ServerProcess, is_running

BUCKET = "kept"
SIGNED = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, Signature=x"
ODD_KEYS = ("ü.txt", "a%20b", "folder/", "/first", "a//b", "a/./b/../c", "a+b c", "q?x#y", "50%")
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def ask(server: ServerProcess, endpoint: str) -> str:
    answer = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="application/json", Body=json.dumps({"instances": ["hello world"]})
    )
    return json.loads(answer["Body"].read())[0]["label"][0]


def log_of(server: ServerProcess, job: str) -> list[str]:
    logs = server.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{job}/")["logStreams"]
    events = logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], startFromHead=True)
    return [event["message"] for event in events["events"]]


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def start(directory):
    return lambda *arguments: ServerProcess("--data-dir", str(directory), "--pace", "0.0005", *arguments)


def test_everything_is_there_after_a_kill(start):
    with start() as server:
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(
            Bucket=BUCKET, Key="a/b c.txt", Body=b"x", Metadata={"k": "v"}, ContentType="text/plain", Tagging="t=u"
        )
        s3.put_object(Bucket=BUCKET, Key="deleted", Body=b"x")
        s3.delete_object(Bucket=BUCKET, Key="deleted")
        s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "a/b c.txt"})
        s3.create_bucket(Bucket="short-lived")
        s3.delete_bucket(Bucket="short-lived")
        job = train(sagemaker, small_training_request(s3, BUCKET))
        endpoint = deploy(sagemaker, job["ModelArtifacts"]["S3ModelArtifacts"])
        wait_for_endpoint(sagemaker, endpoint)
        arn = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointArn"]
        sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "later", "Value": "yes"}])
        sagemaker.create_model_package_group(ModelPackageGroupName="group")
        package = sagemaker.create_model_package(ModelPackageGroupName="group", SourceUri="s3://x/y")["ModelPackageArn"]
        sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        log = log_of(server, job["TrainingJobName"])
        # The endpoint has its own copy of the model, as on AWS.
        s3.delete_object(Bucket=BUCKET, Key=job["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3])
        server.kill()

    with start() as server:
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == [BUCKET]
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert keys == ["a/b c.txt", "copy", "train/train.txt", "validation/validation.txt"]
        found = s3.get_object(Bucket=BUCKET, Key="a/b c.txt")
        assert (found["Body"].read(), found["Metadata"], found["ContentType"]) == (b"x", {"k": "v"}, "text/plain")
        assert s3.get_object_tagging(Bucket=BUCKET, Key="a/b c.txt")["TagSet"] == [{"Key": "t", "Value": "u"}]
        again = sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])
        assert without_metadata(again) == without_metadata(job)
        assert log_of(server, job["TrainingJobName"]) == log
        assert ask(server, endpoint) == "__label__a"
        tags = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
        assert tags == {"a": "b", "later": "yes"}
        assert sagemaker.describe_model_package(ModelPackageName=package)["ModelApprovalStatus"] == "Approved"
        sagemaker.delete_endpoint(EndpointName=endpoint)
        wait_for_endpoint(sagemaker, endpoint, "endpoint_deleted")
        server.kill()

    with start() as server:
        assert server.client("sagemaker").list_endpoints()["Endpoints"] == []
        operations = [entry["operation"] for entry in requests_of(server)]
        assert operations.index("CreateTrainingJob") < operations.index("DeleteEndpoint")


def without_metadata(answer):
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def requests_of(server: ServerProcess) -> list[dict]:
    return [json.loads(line) for line in requests.get(f"{server.url}/_local/requests", timeout=10).text.splitlines()]


def test_a_job_that_was_running_has_failed_after_a_kill_and_its_container_is_gone(start):
    with start() as server:
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.create_bucket(Bucket=BUCKET)
        request = small_training_request(s3, BUCKET, epochs="1000000", early_stopping="False")
        sagemaker.create_training_job(**request)
        name = request["TrainingJobName"]
        while not server.children():
            time.sleep(0.01)
        containers = server.children()
        server.kill()
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in containers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_running(pid) for pid in containers)

    with start() as server:
        sagemaker = server.client("sagemaker")
        job = sagemaker.describe_training_job(TrainingJobName=name)
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("InternalServerError: We encountered an internal error.")
        assert job["SecondaryStatusTransitions"][-1]["StatusMessage"] == "Training job failed"
        # Nothing is in its way: the same data trains under another name.
        again = train(sagemaker, small_training_request(server.client("s3"), BUCKET))
        assert again["TrainingJobStatus"] == "Completed"


def test_a_job_that_was_running_has_failed_after_an_orderly_end_as_well(start):
    with start() as server:
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.create_bucket(Bucket=BUCKET)
        request = small_training_request(s3, BUCKET, epochs="1000000", early_stopping="False")
        sagemaker.create_training_job(**request)
        while not server.children():
            time.sleep(0.01)

    with start() as server:
        job = server.client("sagemaker").describe_training_job(TrainingJobName=request["TrainingJobName"])
        assert job["TrainingJobStatus"] == "Failed"
        assert job["FailureReason"].startswith("InternalServerError")


@pytest.mark.parametrize("status", ["Creating", "Deleting"])
def test_an_endpoint_in_transition_goes_on_after_a_kill(start, status):
    with start() as server:
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.create_bucket(Bucket=BUCKET)
        uri = train(sagemaker, small_training_request(s3, BUCKET))["ModelArtifacts"]["S3ModelArtifacts"]
        name = deploy(sagemaker, uri)
        if status == "Deleting":
            wait_for_endpoint(sagemaker, name)
            server.kill()
        else:
            server.kill()
    with start("--pace", "0.2") as server:  # phases of seconds, so that it is killed in one
        sagemaker = server.client("sagemaker")
        if status == "Deleting":
            sagemaker.delete_endpoint(EndpointName=name)
        assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] in {status, "InService"}
        server.kill()

    with start() as server:
        sagemaker = server.client("sagemaker")
        wait_for_endpoint(sagemaker, name, "endpoint_in_service" if status == "Creating" else "endpoint_deleted")


@pytest.mark.parametrize("seed", range(3))
def test_what_was_acknowledged_before_a_kill_is_there_whole(start, seed):
    """Four clients write, each to its own keys, until the server is killed at a random moment."""
    chance = random.Random(seed)
    acknowledged: dict[str, bytes] = {}
    begun: dict[str, set[bytes]] = {}

    def write(client, number):
        values = random.Random(f"{seed}-{number}")
        while True:
            key = f"{number}/{values.randrange(5)}"
            value = values.randbytes(values.choice([10, 100_000]))
            begun.setdefault(key, set()).add(value)
            try:
                client.put_object(Bucket=BUCKET, Key=key, Body=value)
            except (ClientError, BotoCoreError):
                return
            acknowledged[key] = value
            begun[key] = {value}

    with start() as server:
        s3 = server.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        writers = [threading.Thread(target=write, args=(server.client("s3"), number)) for number in range(4)]
        for writer in writers:
            writer.start()
        time.sleep(chance.uniform(0.3, 1.0))
        server.kill()
        for writer in writers:
            writer.join()

    with start() as server:
        s3 = server.client("s3")
        found = {entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}
        assert set(acknowledged) <= found <= set(begun)
        assert acknowledged
        for key in found:
            assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() in begun[key]


def test_objects_are_kept_however_they_are_written(start):
    with start() as server:
        s3 = server.client("s3")
        for bucket in (BUCKET, "service", "endpoints"):
            s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=BUCKET, Key="form", Body=b"a=b", ContentType="application/x-www-form-urlencoded")
        s3.put_object(Bucket="service", Key="x/operation/foo", Body=b"x")
        s3.put_object(Bucket="endpoints", Key="x/invocations", Body=b"x")
        for key in ODD_KEYS:
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
            s3.put_object_tagging(Bucket=BUCKET, Key=key, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
        upload = {"Bucket": BUCKET, "Key": "in parts"}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        etag = s3.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        for key in ("one", "two"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
        s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "one"}, {"Key": "two"}]})
        by_host = {"Host": f"{BUCKET}.localhost", "Authorization": SIGNED}
        assert requests.put(f"{server.url}/hosted", data=b"x", headers=by_host, timeout=5).ok
        form = {"Content-Type": "application/x-www-form-urlencoded"}  # curl's default
        assert requests.put(f"{server.url}/{BUCKET}/unsigned", data=b"a=b", headers=form, timeout=5).ok
        server.kill()

    with start() as server:
        s3 = server.client("s3")
        keys = {entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
        assert keys == {"form", "hosted", "unsigned", "in parts", *ODD_KEYS}
        for key in ODD_KEYS:
            assert s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"] == [{"Key": "k", "Value": "v"}]
        assert s3.get_object(Bucket="service", Key="x/operation/foo")["Body"].read() == b"x"
        assert s3.get_object(Bucket="endpoints", Key="x/invocations")["Body"].read() == b"x"


def test_one_thing_that_cannot_be_restored_does_not_keep_the_rest_from_it(start, directory, capfd):
    with start() as server:
        s3, sagemaker = server.client("s3"), server.client("sagemaker")
        s3.create_bucket(Bucket=BUCKET)
        endpoint = deploy(
            sagemaker, train(sagemaker, small_training_request(s3, BUCKET))["ModelArtifacts"]["S3ModelArtifacts"]
        )
        wait_for_endpoint(sagemaker, endpoint)
        s3.put_object(Bucket=BUCKET, Key="fine", Body=b"fine")
        server.kill()
    for content in (directory / "contents").iterdir():
        if content.read_bytes() != b"fine":
            content.unlink()

    with start() as server:
        assert [entry["Key"] for entry in server.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]] == ["fine"]
        description = server.client("sagemaker").describe_endpoint(EndpointName=endpoint)
        assert description["EndpointStatus"] == "Failed"
        assert description["FailureReason"].startswith("InternalServerError")
    assert f"s3://{BUCKET}/train/train.txt cannot be restored" in capfd.readouterr().err


def test_a_directory_in_use_is_an_error_that_says_so(start, directory):
    with start():
        done = subprocess.run(
            [sys.executable, "-m", "local_aws", "--port", "0", "--data-dir", str(directory)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 2
    assert "is in use by another local AWS" in done.stderr


def test_without_a_directory_nothing_is_kept():
    with ServerProcess() as server:
        server.client("s3").create_bucket(Bucket=BUCKET)
    with ServerProcess() as server:
        assert server.client("s3").list_buckets()["Buckets"] == []


def test_an_alarm_is_there_after_a_kill_with_its_state_history_and_tags(start):
    request = {
        "AlarmName": "kept",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocations",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.5,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore",
    }
    with start() as server:
        cloudwatch = server.client("cloudwatch")
        cloudwatch.put_metric_alarm(**request, Tags=[{"Key": "a", "Value": "b"}])
        cloudwatch.put_metric_alarm(**{**request, "AlarmName": "deleted"})
        cloudwatch.delete_alarms(AlarmNames=["deleted"])
        cloudwatch.set_alarm_state(AlarmName="kept", StateValue="ALARM", StateReason="a drill")
        (before,) = cloudwatch.describe_alarms()["MetricAlarms"]
        history = cloudwatch.describe_alarm_history()["AlarmHistoryItems"]
        server.kill()

    with start() as server:
        cloudwatch = server.client("cloudwatch")
        assert cloudwatch.describe_alarms()["MetricAlarms"] == [before]
        assert cloudwatch.describe_alarm_history()["AlarmHistoryItems"] == history
        assert cloudwatch.list_tags_for_resource(ResourceARN=before["AlarmArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
