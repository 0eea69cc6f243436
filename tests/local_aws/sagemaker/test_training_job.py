import datetime
import io
import tarfile

import pytest

from local_aws.sagemaker.models import SageMakerBackend
from tests.local_aws.conftest import configure, error_of, train, wait_for_job


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


SPOT = {"EnableManagedSpotTraining": True}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"StoppingCondition": {"MaxWaitTimeInSeconds": 60}}, "It is only supported when EnableManagedSpotTraining is"),
        ({**SPOT, "StoppingCondition": {"MaxRuntimeInSeconds": 60}}, "It must be present and be greater than or equal"),
        (
            {**SPOT, "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}},
            "It must be present and be greater than or equal to MaxRuntimeInSeconds",
        ),
        (
            {**SPOT, "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 3601}},
            "It cannot exceed 3600 seconds for an algorithm without checkpoints",
        ),
        (
            {
                "ResourceConfig": {
                    "InstanceType": "ml.g5.xlarge",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 1,
                    "VolumeKmsKeyId": "a",
                }
            },
            "A KMS key for the volume is not supported for instance type ml.g5.xlarge",
        ),
        (
            {"VpcConfig": {"Subnets": ["10.0.0.0/8"], "SecurityGroupIds": ["sg-1"]}},
            "'vpcConfig.subnets.1.member' failed",
        ),
    ],
)
def test_rules_that_contradict_each_other_are_refused(sagemaker, request_of, changes, message):
    code, words = error_of(sagemaker.create_training_job, **{**request_of(), **changes})

    assert code == "ValidationException"
    assert message in words


def test_a_training_on_spot_instances_that_is_not_done_in_time_is_stopped_and_billed_for_less(sagemaker, request_of):
    request = {**request_of(epochs="1000000", early_stopping="False"), **SPOT}
    request["StoppingCondition"] = {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2}

    job = train(sagemaker, request)

    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")
    assert (job["EnableManagedSpotTraining"], job["StoppingCondition"]) == (True, request["StoppingCondition"])
    assert 1 <= job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]


def test_the_volumes_of_an_endpoint_with_local_storage_have_no_other_key(sagemaker, model_uri):
    name = configure(sagemaker, model_uri)
    (variant,) = sagemaker.describe_endpoint_config(EndpointConfigName=name)["ProductionVariants"]

    error = error_of(
        sagemaker.create_endpoint_config,
        EndpointConfigName="local-storage",
        ProductionVariants=[{**variant, "InstanceType": "ml.g4dn.xlarge"}],
        KmsKeyId="a",
    )

    assert error == (
        "ValidationException",
        "A KMS key for the volume is not supported for instance type ml.g4dn.xlarge.",
    )
