import datetime
import io
import tarfile

from local_aws.sagemaker.models import SageMakerBackend
from tests.local_aws.conftest import error_of, train, wait_for_job


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


def test_a_job_that_exceeds_its_runtime_is_stopped(sagemaker, request_of):
    request = request_of(epochs="1000000", early_stopping="False")
    request["StoppingCondition"]["MaxRuntimeInSeconds"] = 1

    job = train(sagemaker, request)

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_a_finished_training_job_can_be_deleted(sagemaker, request_of):
    name = train(sagemaker, request_of())["TrainingJobName"]

    sagemaker.delete_training_job(TrainingJobName=name)

    assert error_of(sagemaker.describe_training_job, TrainingJobName=name)[1] == "Requested resource not found."
    running = request_of(epochs="1000000", early_stopping="False")
    sagemaker.create_training_job(**running)
    code, message = error_of(sagemaker.delete_training_job, TrainingJobName=running["TrainingJobName"])
    assert (code, "is in status InProgress" in message) == ("ValidationException", True)
    sagemaker.stop_training_job(TrainingJobName=running["TrainingJobName"])


def test_cloudwatch_has_the_metrics_of_training(client, trained):
    now = datetime.datetime.now(datetime.UTC)
    (point,) = client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="validation:accuracy",
        Statistics=["Average"],
        Period=60,
        Dimensions=[{"Name": "TrainingJobName", "Value": trained["TrainingJobName"]}],
        StartTime=now - datetime.timedelta(minutes=10),
        EndTime=now + datetime.timedelta(minutes=1),
    )["Datapoints"]

    assert point["Average"] == 1.0


def test_a_debug_hook_that_collects_nothing_is_stored_and_any_other_refused(sagemaker, request_of):
    """Estimator of the SageMaker SDK 2.x always sends one."""
    hook = {"S3OutputPath": "s3://bucket/debug", "CollectionConfigurations": []}
    job = train(sagemaker, request_of() | {"DebugHookConfig": hook})

    assert job["TrainingJobStatus"] == "Completed"
    assert job["DebugHookConfig"] == hook
    hook["CollectionConfigurations"] = [{"CollectionName": "weights"}]
    _, message = error_of(sagemaker.create_training_job, **request_of(), DebugHookConfig=hook)
    assert "does not support DebugHookConfig.CollectionConfigurations" in message


def test_a_description_carries_what_awss_carries_where_it_is_empty(trained):
    """Estimator.attach of the SageMaker SDK 2.x reads these."""
    assert trained["OutputDataConfig"]["KmsKeyId"] == ""
    assert {channel["CompressionType"] for channel in trained["InputDataConfig"]} == {"None"}
    assert {channel["RecordWrapperType"] for channel in trained["InputDataConfig"]} == {"None"}
