"""The local SageMaker through boto3, as any client sees it."""

import io
import json
import tarfile
import threading
import time

import pytest
import requests
from botocore.exceptions import ClientError, WaiterError

from include.blazingtext.requests import endpoint_request
from local_aws.pace import AWS_SECONDS
from local_aws.sagemaker.models import SageMakerBackend
from tests.conftest import ROLE_ARN
from tests.local_aws.conftest import IMAGE, TRAIN, deploy, error_of, train, wait_for_endpoint, wait_for_job


def test_a_job_trains_and_leaves_a_model_metrics_and_times(trained, client, settings):
    assert trained["TrainingJobStatus"] == "Completed", trained["FailureReason"]
    metrics = {metric["MetricName"]: metric["Value"] for metric in trained["FinalMetricDataList"]}
    assert metrics == {"train:accuracy": 1.0, "validation:accuracy": 1.0}
    assert trained["BillableTimeInSeconds"] >= 1
    assert trained["TrainingEndTime"] >= trained["TrainingStartTime"] >= trained["CreationTime"]
    uri = f"s3://{settings.bucket}/models/{trained['TrainingJobName']}/output/model.tar.gz"
    assert trained["ModelArtifacts"]["S3ModelArtifacts"] == uri
    artifact = client("s3").get_object(Bucket=settings.bucket, Key=uri.split("/", 3)[3])["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(artifact)) as archive:
        assert archive.getnames() == ["model.bin"]


def test_a_job_passes_through_sagemakers_phases_with_their_messages(trained):
    phases = [
        (transition["Status"], transition["StatusMessage"]) for transition in trained["SecondaryStatusTransitions"]
    ]

    assert phases == [
        ("Starting", "Preparing the instances for training"),
        ("Downloading", "Downloading input data"),
        ("Training", "Training image download completed. Training in progress."),
        ("Uploading", "Uploading generated training model"),
        ("Completed", "Training job completed"),
    ]
    assert all("EndTime" in transition for transition in trained["SecondaryStatusTransitions"][:-1])


def test_the_log_is_in_blazingtexts_form(trained, client):
    logs = client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=trained["TrainingJobName"])[
        "logStreams"
    ]
    assert stream["logStreamName"].startswith(f"{trained['TrainingJobName']}/algo-1-")
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)

    lines = [event["message"] for event in events["events"]]

    expected = [
        "Arguments: train",
        "Running single machine CPU BlazingText training using supervised mode.",
        "Processing /opt/ml/input/data/train/train.txt . File size: 0 MB",
        "Processing /opt/ml/input/data/validation/validation.txt . File size: 0 MB",
        "Read 0M words",
        "Number of words:  6",
        "Loading validation data from /opt/ml/input/data/validation/validation.txt",
        "-------------- End of epoch: 5",
        "Validation accuracy: ",
        "Validation accuracy improved! Storing best weights...",
        "##### Alpha: ",
        "Training finished.",
        "Total training time in seconds: ",
        "#train_accuracy: 1.0000",
        "Number of train examples: 80",
        "#validation_accuracy: 1.0000",
        "Number of validation examples: 80",
    ]
    positions = [next(i for i, line in enumerate(lines) if text in line) for text in expected]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    ("hyperparameters", "reason"),
    [
        ({"epochs": "abc"}, "AlgorithmError: u'abc' is not valid under any of the given schemas"),
        ({"epochs": "0"}, "AlgorithmError: u'0' is not valid under any of the given schemas"),
        (
            {"mini_batch_siz": "1"},
            "AlgorithmError: Additional properties are not allowed (u'mini_batch_siz' was unexpected)",
        ),
        ({"mode": "skipgram"}, "AlgorithmError: mode 'skipgram' is not available here"),
        ({"min_count": "1000"}, "AlgorithmError: Empty vocabulary"),
    ],
)
def test_a_job_that_cannot_train_fails_with_the_reason(sagemaker, request_of, hyperparameters, reason):
    job = train(sagemaker, request_of(**hyperparameters))

    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(reason)
    assert job["SecondaryStatusTransitions"][-1]["StatusMessage"] == "Training job failed"
    assert "FinalMetricDataList" not in job


def test_several_instances_and_pipe_mode_are_refused_by_the_container(sagemaker, request_of):
    request = request_of()
    request["ResourceConfig"]["InstanceCount"] = 2
    assert train(sagemaker, request)["FailureReason"] == (
        "AlgorithmError: supervised mode runs on a single instance, but 2 were requested; set InstanceCount to 1"
    )
    for place in ("algorithm", "channel"):
        request = request_of()
        if place == "algorithm":
            request["AlgorithmSpecification"]["TrainingInputMode"] = "Pipe"
        else:
            request["InputDataConfig"][0]["InputMode"] = "Pipe"
        reason = train(sagemaker, request)["FailureReason"]
        assert reason == "AlgorithmError: channel train has input mode Pipe; supervised mode takes File mode"


def test_the_same_channels_and_hyperparameters_give_the_same_model(sagemaker, request_of, client, settings):
    def model():
        uri = train(sagemaker, request_of())["ModelArtifacts"]["S3ModelArtifacts"]
        archive = client("s3").get_object(Bucket=settings.bucket, Key=uri.split("/", 3)[3])["Body"].read()
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            return tar.extractfile("model.bin").read()

    assert model() == model()


def test_what_a_request_asks_for_and_is_not_there_is_refused_by_name(sagemaker, request_of):
    def refusal(**changes):
        return error_of(sagemaker.create_training_job, **{**request_of(), **changes})[1]

    assert refusal(CheckpointConfig={"S3Uri": "s3://bucket/x"}) == (
        "The local AWS does not support CheckpointConfig of CreateTrainingJob."
    )
    channel = request_of()["InputDataConfig"][0]
    channel["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile"
    assert "does not support ManifestFile as a data source" in refusal(InputDataConfig=[channel])


@pytest.mark.parametrize("member", ["AlgorithmSpecification", "ResourceConfig", "StoppingCondition"])
def test_members_that_the_service_model_leaves_open_are_needed(sagemaker, request_of, member):
    request = request_of()
    del request[member]

    assert error_of(sagemaker.create_training_job, **request) == (
        "ValidationException",
        f"CreateTrainingJob needs {member} here.",
    )


def test_a_channel_cannot_lead_out_of_its_folder(sagemaker, request_of):
    request = request_of()
    request["InputDataConfig"][0]["ChannelName"] = ".."

    assert error_of(sagemaker.create_training_job, **request)[1] == "'..' is not a name of a channel."


def test_a_requests_environment_does_not_reach_the_container(sagemaker, request_of):
    request = request_of() | {"Environment": {"PYTHONHOME": "/nowhere", "LD_PRELOAD": "/nowhere.so"}}

    assert train(sagemaker, request)["TrainingJobStatus"] == "Completed"


def test_validation_labels_that_the_model_does_not_know_are_never_right(sagemaker, request_of, client, settings):
    request = request_of()
    client("s3").put_object(Bucket=settings.bucket, Key="validation/validation.txt", Body=b"__label__c hello\n" * 20)

    job = train(sagemaker, request)

    assert {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}["validation:accuracy"] == 0.0


def test_a_failed_endpoint_can_only_be_deleted(sagemaker, settings):
    name = deploy(sagemaker, f"s3://{settings.bucket}/none.tar.gz")
    with pytest.raises(WaiterError):
        wait_for_endpoint(sagemaker, name)

    assert (
        "Cannot update failed endpoint"
        in error_of(sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=name)[1]
    )
    sagemaker.delete_endpoint(EndpointName=name)


def test_arns_of_endpoints_are_lower_case(sagemaker, trained):
    container = {"Image": IMAGE, "ModelDataUrl": trained["ModelArtifacts"]["S3ModelArtifacts"]}
    arn = sagemaker.create_model(ModelName="UPPER", PrimaryContainer=container, ExecutionRoleArn=ROLE_ARN)["ModelArn"]

    assert arn.endswith(":model/upper")


def test_early_stopping_needs_a_validation_channel(sagemaker, request_of):
    request = request_of()
    del request["InputDataConfig"][1]

    assert "validation channel" in train(sagemaker, request)["FailureReason"]


def test_data_without_labels_fails_where_fasttext_alone_would_train(sagemaker, request_of, client, settings):
    client("s3").put_object(Bucket=settings.bucket, Key="train/train.txt", Body=b"no labels\n" * 50)

    assert "no line of train.txt in channel train holds a __label__" in train(sagemaker, request_of())["FailureReason"]


def test_two_files_in_a_channel_are_refused(sagemaker, request_of, client, settings):
    client("s3").put_object(Bucket=settings.bucket, Key="train/more.txt", Body=TRAIN)

    assert "takes one file in channel train; there are 2" in train(sagemaker, request_of())["FailureReason"]


def test_a_running_job_can_be_stopped_once(sagemaker, request_of, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.05)
    request = request_of()
    sagemaker.create_training_job(**request)

    sagemaker.stop_training_job(TrainingJobName=request["TrainingJobName"])
    wait_for_job(sagemaker, request["TrainingJobName"])

    job = sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert error_of(sagemaker.stop_training_job, TrainingJobName=request["TrainingJobName"]) == (
        "ValidationException",
        "The request was rejected because the training job is in status Stopped.",
    )


def test_a_job_in_its_training_is_stopped_as_a_process(sagemaker, request_of):
    request = request_of(epochs="1000000", early_stopping="False")
    sagemaker.create_training_job(**request)
    name = request["TrainingJobName"]
    while sagemaker.describe_training_job(TrainingJobName=name)["SecondaryStatus"] != "Training":
        time.sleep(0.02)

    sagemaker.stop_training_job(TrainingJobName=name)
    wait_for_job(sagemaker, name)

    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopped"


def test_a_job_that_exceeds_its_runtime_is_stopped(sagemaker, request_of):
    request = request_of(epochs="1000000", early_stopping="False")
    request["StoppingCondition"]["MaxRuntimeInSeconds"] = 1

    job = train(sagemaker, request)

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_jobs_name_is_taken_for_ever(sagemaker, request_of, trained):
    request = {**request_of(), "TrainingJobName": trained["TrainingJobName"]}

    code, message = error_of(sagemaker.create_training_job, **request)

    assert code == "ResourceInUse"
    assert message.startswith("Training job names must be unique within an AWS account and region")


def test_requests_are_refused_as_sagemaker_refuses_them(sagemaker, request_of):
    def refusal(**changes):
        return error_of(sagemaker.create_training_job, **{**request_of(), **changes})

    name = "x" * 64
    assert refusal(TrainingJobName=name) == (
        "ValidationException",
        f"2 validation errors detected: Value '{name}' at 'trainingJobName' failed to satisfy constraint: Member must "
        f"have length less than or equal to 63; Value '{name}' at 'trainingJobName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
    )
    assert "failed to satisfy constraint" in refusal(HyperParameters={"mode": "x" * 2501})[1]
    assert (
        "Member must satisfy enum value set"
        in refusal(ResourceConfig={"InstanceType": "ml.tiny", "InstanceCount": 1, "VolumeSizeInGB": 1})[1]
    )
    elsewhere = request_of()
    elsewhere["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://nowhere/train"
    assert error_of(sagemaker.create_training_job, **elsewhere)[1].startswith(
        'No S3 objects found under S3 URL "s3://nowhere/train" given in input data source.'
    )


def test_what_is_not_supported_is_refused_by_name(sagemaker):
    assert error_of(sagemaker.list_pipelines) == (
        "ValidationException",
        "The local AWS does not support SageMaker's ListPipelines.",
    )


@pytest.mark.parametrize(
    ("operation", "arguments", "message"),
    [
        ("describe_training_job", {"TrainingJobName": "none"}, "Requested resource not found."),
        ("stop_training_job", {"TrainingJobName": "none"}, "Requested resource not found."),
        ("describe_endpoint", {"EndpointName": "none"}, 'Could not find endpoint "arn:aws:sagemaker:'),
        ("delete_endpoint", {"EndpointName": "none"}, 'Could not find endpoint "arn:aws:sagemaker:'),
        ("describe_model", {"ModelName": "none"}, 'Could not find model "arn:aws:sagemaker:'),
        ("delete_endpoint_config", {"EndpointConfigName": "none"}, 'Could not find endpoint configuration "arn:aws'),
    ],
)
def test_what_is_not_there(sagemaker, operation, arguments, message):
    code, text = error_of(getattr(sagemaker, operation), **arguments)

    assert code == "ValidationException"
    assert text.startswith(message)


def test_an_endpoint_answers_from_its_own_model(sagemaker, runtime, trained):
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])
    wait_for_endpoint(sagemaker, name)

    answer = runtime.invoke_endpoint(
        EndpointName=name,
        ContentType="application/json",
        Body=json.dumps({"instances": ["hello world", "good bye"], "configuration": {"k": 2}}),
    )

    first, second = json.loads(answer["Body"].read())
    assert (first["label"][0], second["label"][0]) == ("__label__a", "__label__b")
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["ContentType"] == "application/json"


def test_an_endpoint_in_transition_can_neither_be_deleted_nor_updated(sagemaker, trained, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 1 / AWS_SECONDS["Creating"])
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])

    for operation, arguments in (
        (sagemaker.delete_endpoint, {}),
        (sagemaker.update_endpoint, {"EndpointConfigName": name}),
    ):
        code, message = error_of(operation, EndpointName=name, **arguments)
        assert code == "ValidationException"
        assert message.startswith('Cannot update in-progress endpoint "arn:')
    wait_for_endpoint(sagemaker, name)
    sagemaker.delete_endpoint(EndpointName=name)
    wait_for_endpoint(sagemaker, name, "endpoint_deleted")


@pytest.mark.parametrize("kind", ["model", "endpoint_config", "endpoint"])
def test_names_of_what_exists_are_refused(sagemaker, trained, kind):
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])
    request = endpoint_request(
        name=name, image=IMAGE, role_arn=ROLE_ARN, model_uri="s3://bucket/m", instance_type="ml.m5.large"
    )
    part = {"model": "Model", "endpoint_config": "EndpointConfig", "endpoint": "Endpoint"}[kind]

    code, message = error_of(getattr(sagemaker, f"create_{kind}"), **request[part])

    noun = {"endpoint_config": "endpoint configuration"}.get(kind, kind)
    assert (code, message.split(' "')[0]) == ("ValidationException", f"Cannot create already existing {noun}")


def archive_of(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def shortened_model(archive: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        content = tar.extractfile("model.bin").read()
    return archive_of("model.bin", content[:-10])


PING = "did not pass the ping health check"


@pytest.mark.parametrize(
    ("artifact", "reason"),
    [
        pytest.param(lambda model: None, "Failed to download model data for container", id="missing"),
        pytest.param(lambda model: b"no archive", "Failed to extract model data archive", id="no archive"),
        pytest.param(lambda model: model[: len(model) // 2], "Failed to extract model data archive", id="cut archive"),
        pytest.param(lambda model: archive_of("readme.txt", b"hello"), PING, id="no model.bin"),
        pytest.param(lambda model: archive_of("model.bin", b"no model"), PING, id="no fastText model"),
        pytest.param(shortened_model, PING, id="cut model"),
    ],
)
def test_an_endpoint_without_a_readable_model_fails_with_sagemakers_reason(
    sagemaker, client, settings, trained, artifact, reason
):
    uri = trained["ModelArtifacts"]["S3ModelArtifacts"]
    model = client("s3").get_object(Bucket=settings.bucket, Key=uri.split("/", 3)[3])["Body"].read()
    content = artifact(model)
    if content is not None:
        client("s3").put_object(Bucket=settings.bucket, Key="model.tar.gz", Body=content)
    name = deploy(sagemaker, f"s3://{settings.bucket}/model.tar.gz")

    with pytest.raises(WaiterError):
        wait_for_endpoint(sagemaker, name)

    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    assert endpoint["EndpointStatus"] == "Failed"
    assert reason in endpoint["FailureReason"]


def test_what_cannot_be_invoked(sagemaker, runtime, trained):
    assert error_of(runtime.invoke_endpoint, EndpointName="none", Body=b"{}") == (
        "ValidationError",
        "Endpoint none of account 123456789012 not found.",
    )
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])
    wait_for_endpoint(sagemaker, name)
    with pytest.raises(ClientError) as error:
        runtime.invoke_endpoint(EndpointName=name, Body=b"{}", ContentType="text/csv")
    assert error.value.response["OriginalStatusCode"] == 415
    assert error.value.response["OriginalMessage"] == "content-type text/csv not supported"
    assert error.value.response["Error"]["Message"].startswith("Received client error (415) from model with message")


def test_many_requests_at_a_time_are_all_answered(sagemaker, runtime, trained):
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])
    wait_for_endpoint(sagemaker, name)
    answers: list[bytes] = []

    def ask():
        body = json.dumps({"instances": ["hello world"]})
        for _ in range(10):
            response = runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=body)
            answers.append(response["Body"].read())

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 100
    assert len(set(answers)) == 1


def test_a_failed_update_leaves_the_old_configuration_answering(sagemaker, runtime, trained, settings):
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])
    wait_for_endpoint(sagemaker, name)
    broken = deploy(sagemaker, f"s3://{settings.bucket}/no-such-model.tar.gz")

    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=broken)
    wait_for_endpoint(sagemaker, name)

    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    assert endpoint["EndpointConfigName"] == name
    assert "Failed to download model data" in endpoint["FailureReason"]
    assert runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=b'{"instances": ["hello"]}')


def test_deleting_twice_at_the_same_time_is_refused_once(sagemaker, trained):
    name = deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"])
    wait_for_endpoint(sagemaker, name)

    sagemaker.delete_endpoint(EndpointName=name)

    assert error_of(sagemaker.delete_endpoint, EndpointName=name)[0] == "ValidationException"
    wait_for_endpoint(sagemaker, name, "endpoint_deleted")


@pytest.mark.parametrize(
    "body", ['{"NextToken": "abc"}', '{"NextToken": "-5"}', '{"NameContains": 5}', "[1]", "nonsense"]
)
def test_hostile_requests_are_answered_as_aws_answers_errors(local_aws, body):
    headers = {
        "X-Amz-Target": "SageMaker.ListEndpoints",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, Signature=x",
    }

    response = requests.post(local_aws.url, data=body, headers=headers, timeout=10)

    assert response.status_code == 400, response.text
    assert "Exception" in response.json()["__type"]


def test_tags_are_there_from_creation_on_and_can_be_changed(sagemaker, trained):
    arn = sagemaker.describe_endpoint(EndpointName=deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"]))[
        "EndpointArn"
    ]

    def tags():
        return {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}

    assert tags() == {"a": "b"}
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "c"}, {"Key": "d", "Value": "e"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert tags() == {"d": "e"}


def test_lists_are_filtered_then_sorted_then_paged(sagemaker, trained):
    names = [deploy(sagemaker, trained["ModelArtifacts"]["S3ModelArtifacts"]) for _ in range(3)]
    for name in names:
        wait_for_endpoint(sagemaker, name)

    pages = sagemaker.get_paginator("list_endpoints").paginate(
        NameContains="endpoint-", StatusEquals="InService", SortBy="Name", SortOrder="Ascending", MaxResults=2
    )

    found = [entry["EndpointName"] for page in pages for entry in page["Endpoints"]]
    assert found == sorted(found)
    assert set(names) <= set(found)
    assert sagemaker.list_endpoints(NameContains="no-such")["Endpoints"] == []
