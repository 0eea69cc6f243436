"""The aws command line, unmodified, against the local AWS."""

import itertools
import json
import multiprocessing
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from include.aws.requests import endpoint_request, training_request
from include.blazingtext.hyperparameters import to_request
from tests.conftest import IMAGE, ROLE_ARN, TRAIN
from tests.local_aws.clients import aws_command
from tests.local_aws.conftest import wait_for_endpoint, wait_for_job

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
SECONDS = 120
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([aws_command.__name__])
_numbers = itertools.count(1)


def aws(*arguments: str, output: str = "json") -> Any:
    """What the command prints: an object where it is JSON."""
    done = run(*arguments, output=output)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if output == "json" and done.stdout.strip() else done.stdout


def run(*arguments: str, output: str = "json") -> subprocess.CompletedProcess[str]:
    command = [*arguments, "--output", output]
    # No file of the user's, and no pager: the command is the one of this test alone.
    environment = {**os.environ, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "output", Path(folder) / "errors"
        process = FORKS.Process(target=aws_command.main, args=(command, environment, *files), daemon=True)
        process.start()
        process.join(SECONDS)
        assert process.exitcode is not None, "it is still running"
        return subprocess.CompletedProcess(command, process.exitcode, *(file.read_text() for file in files))


@pytest.fixture
def bucket(local_aws, settings) -> str:
    return settings.bucket


@pytest.fixture
def request_file(bucket, tmp_path):
    """Writes a CreateTrainingJob request on a small train file, uploaded by the command."""

    def write(**hyperparameters) -> tuple[str, str]:
        name = f"cli-job-{next(_numbers)}"
        for channel in ("train", "validation"):
            (tmp_path / "channels" / channel).mkdir(parents=True)
            (tmp_path / "channels" / channel / f"{channel}.txt").write_bytes(TRAIN)
        aws("s3", "cp", str(tmp_path / "channels"), f"s3://{bucket}/", "--recursive", output="text")
        small = to_request({"epochs": 20, "buckets": 100, "learning_rate": 0.5})
        request = training_request(
            job_name=name,
            image=IMAGE,
            role_arn=ROLE_ARN,
            train_uri=f"s3://{bucket}/train",
            validation_uri=f"s3://{bucket}/validation/",
            output_uri=f"s3://{bucket}/models",
            instance_type="ml.c5.xlarge",
            hyperparameters={**small, **hyperparameters},
            tags={"team": "tweets"},
        )
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(request))
        return name, f"file://{path}"

    return write


def test_the_command_copies_and_lists_objects(bucket, tmp_path):
    (tmp_path / "a.txt").write_text("content")
    (tmp_path / "large.bin").write_bytes(os.urandom(9_000_000))  # above 8 MiB the command uploads in parts

    for name in ("a.txt", "large.bin"):
        aws("s3", "cp", str(tmp_path / name), f"s3://{bucket}/folder/{name}", output="text")
    listed = aws("s3", "ls", f"s3://{bucket}", "--recursive", output="text")

    assert [line.split()[2:] for line in listed.splitlines()] == [
        ["7", "folder/a.txt"],
        ["9000000", "folder/large.bin"],
    ]
    aws("s3", "cp", f"s3://{bucket}/folder/large.bin", str(tmp_path / "back.bin"), output="text")
    assert (tmp_path / "back.bin").read_bytes() == (tmp_path / "large.bin").read_bytes()
    assert f" {bucket}\n" in aws("s3", "ls", output="text")


def test_the_command_trains_deploys_and_asks(bucket, sagemaker, request_file, tmp_path: Path):
    name, request = request_file()
    arn = aws("sagemaker", "create-training-job", "--cli-input-json", request)["TrainingJobArn"]
    assert arn.endswith(f":training-job/{name}")
    # The command's waiters ask every minute or half a minute, so they are only asked when there is no more to wait for.
    wait_for_job(sagemaker, name)
    aws("sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", name)

    job = aws("sagemaker", "describe-training-job", "--training-job-name", name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Completed", "Completed")
    listed = aws("sagemaker", "list-training-jobs", "--name-contains", name, "--status-equals", "Completed")
    assert [entry["TrainingJobName"] for entry in listed["TrainingJobSummaries"]] == [name]
    assert aws("sagemaker", "list-tags", "--resource-arn", arn) == {"Tags": [{"Key": "team", "Value": "tweets"}]}

    streams = aws("logs", "describe-log-streams", "--log-group-name", LOG_GROUP, "--log-stream-name-prefix", f"{name}/")
    (stream,) = [entry["logStreamName"] for entry in streams["logStreams"]]
    events = aws(
        "logs",
        "get-log-events",
        "--log-group-name",
        LOG_GROUP,
        "--log-stream-name",
        stream,
        "--start-from-head",
    )
    assert "#validation_accuracy: 1.0000" in [event["message"].strip() for event in events["events"]]
    # The shorter one of the two; it is a paginated FilterLogEvents.
    assert "#train_accuracy: 1.0000" in aws(
        "logs",
        "filter-log-events",
        "--log-group-name",
        LOG_GROUP,
        "--log-stream-names",
        stream,
        "--query",
        "events[].message",
        output="text",
    )

    deploy(sagemaker, name, job["ModelArtifacts"]["S3ModelArtifacts"], tmp_path)
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"instances": ["hello world"], "configuration": {"k": 1}}))
    answer = aws(
        "sagemaker-runtime",
        "invoke-endpoint",
        "--endpoint-name",
        name,
        "--content-type",
        "application/json",
        "--body",
        f"fileb://{body}",
        str(tmp_path / "answer.json"),
    )
    assert answer == {"ContentType": "application/json", "InvokedProductionVariant": "AllTraffic"}
    assert json.loads((tmp_path / "answer.json").read_text())[0]["label"] == ["__label__a"]

    aws("sagemaker", "delete-endpoint", "--endpoint-name", name)
    wait_for_endpoint(sagemaker, name, "endpoint_deleted")
    aws("sagemaker", "wait", "endpoint-deleted", "--endpoint-name", name)


def test_the_commands_errors_are_sagemakers(request_file, bucket, sagemaker):
    name, request = request_file(epochs="abc")
    aws("sagemaker", "create-training-job", "--cli-input-json", request)

    again = run("sagemaker", "create-training-job", "--cli-input-json", request)
    assert again.returncode == 255
    assert "(ResourceInUse) when calling the CreateTrainingJob operation: Training job names must be" in again.stderr
    wait_for_job(sagemaker, name)
    failed = run("sagemaker", "wait", "training-job-completed-or-stopped", "--training-job-name", name)
    assert failed.returncode == 255
    assert "Waiter TrainingJobCompletedOrStopped failed: Waiter encountered a terminal failure state" in failed.stderr
    missing = run("s3", "cp", f"s3://{bucket}/none", "-")
    assert missing.returncode == 1
    assert "(404) when calling the HeadObject operation" in missing.stderr


def deploy(sagemaker, name: str, model_uri: str, folder: Path) -> None:
    request = endpoint_request(
        name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri=model_uri, instance_type="ml.m5.large"
    )
    for command, part in (("model", "Model"), ("endpoint-config", "EndpointConfig"), ("endpoint", "Endpoint")):
        path = folder / f"{command}.json"
        path.write_text(json.dumps(request[part]))
        aws("sagemaker", f"create-{command}", "--cli-input-json", f"file://{path}")
    wait_for_endpoint(sagemaker, name)
    aws("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", name)
