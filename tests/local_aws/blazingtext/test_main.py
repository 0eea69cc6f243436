import pytest

from tests.conftest import TRAIN
from tests.local_aws.conftest import train


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


def test_batch_skipgram_on_two_instances_is_accepted_and_fails_for_its_mode(sagemaker, request_of):
    request = request_of(mode="batch_skipgram")
    request["ResourceConfig"]["InstanceCount"] = 2

    assert "mode 'batch_skipgram' is not available here" in train(sagemaker, request)["FailureReason"]


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


def test_validation_labels_that_the_model_does_not_know_are_never_right(sagemaker, request_of, client, settings):
    request = request_of()
    client("s3").put_object(Bucket=settings.bucket, Key="validation/validation.txt", Body=b"__label__c hello\n" * 20)

    job = train(sagemaker, request)

    assert {m["MetricName"]: m["Value"] for m in job["FinalMetricDataList"]}["validation:accuracy"] == 0.0


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
