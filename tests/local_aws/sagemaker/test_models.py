import pytest

from tests.local_aws.conftest import error_of


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
