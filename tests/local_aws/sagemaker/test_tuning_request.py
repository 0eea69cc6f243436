import copy

import pytest

from local_aws.sagemaker.exceptions import ValidationException
from local_aws.sagemaker.tuning_request import TuningRequest
from tests.conftest import IMAGE, ROLE_ARN
from tests.local_aws.conftest import error_of

EPOCHS = {"Name": "epochs", "MinValue": "2", "MaxValue": "6"}
OBJECTIVE = {"Type": "Maximize", "MetricName": "validation:accuracy"}
RESOURCES = {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5}


@pytest.fixture
def request_with():
    """A request without channels, with changes to its configuration: it is refused for these changes."""

    def request(ranges=None, **config):
        return {
            "HyperParameterTuningJobName": "tuning-request",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "ParameterRanges": ranges or {"IntegerParameterRanges": [EPOCHS]},
                "HyperParameterTuningJobObjective": OBJECTIVE,
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
                **config,
            },
            "TrainingJobDefinition": {
                "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
                "RoleArn": ROLE_ARN,
                "OutputDataConfig": {"S3OutputPath": "s3://bucket/models"},
                "ResourceConfig": RESOURCES,
                "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            },
        }

    return request


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Strategy": "Hyperband"}, "does not support strategy Hyperband"),
        ({"Strategy": "Grid"}, "Grid search takes categorical parameter ranges only"),
        ({"ranges": {"IntegerParameterRanges": [{**EPOCHS, "Name": "patience"}]}}, "not tuned: patience"),
        ({"ranges": {"IntegerParameterRanges": [{**EPOCHS, "Name": "depth"}]}}, "not tunable: depth"),
        ({"ranges": {"IntegerParameterRanges": [{**EPOCHS, "MinValue": "9"}]}}, "greater than its MaxValue"),
        ({"ranges": {"IntegerParameterRanges": [{**EPOCHS, "MinValue": "a"}]}}, "of epochs must be numbers"),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"}},
            "objective metric for the hyperparameter tuning job, [loss], isn't valid",
        ),
        ({"ResourceLimits": {"MaxParallelTrainingJobs": 1}}, "ResourceLimits needs MaxNumberOfTrainingJobs"),
    ],
)
def test_requests_that_cannot_work_are_refused(sagemaker, request_with, changes, message):
    code, text = error_of(sagemaker.create_hyper_parameter_tuning_job, **request_with(**changes))

    assert code == "ValidationException"
    assert message in text


@pytest.mark.parametrize("member", ["ResourceConfig", "OutputDataConfig", "StoppingCondition"])
def test_a_definition_without_what_each_job_needs_is_refused_by_name(request_with, member):
    request = request_with()
    del request["TrainingJobDefinition"][member]

    with pytest.raises(ValidationException, match=f"TrainingJobDefinition needs {member}"):
        TuningRequest(request).check()
    del request["TrainingJobDefinition"]
    with pytest.raises(ValidationException, match="TrainingJobDefinition is required"):
        TuningRequest(request).check()


def test_what_is_tuned_cannot_be_fixed(request_with):
    request = request_with()
    request["TrainingJobDefinition"]["StaticHyperParameters"] = {"epochs": "5", "patience": "4"}

    with pytest.raises(ValidationException, match=r"both static and in a range: epochs\."):
        TuningRequest(request).check()


def test_a_grid_needs_no_number_of_jobs(request_with):
    words = {"CategoricalParameterRanges": [{"Name": "word_ngrams", "Values": ["1", "2"]}]}
    limits = {"MaxParallelTrainingJobs": 1}

    TuningRequest(request_with(ranges=words, Strategy="Grid", ResourceLimits=limits)).check()
    TuningRequest(request_with(Strategy="Bayesian")).check()


def test_objective_and_ranges_may_be_in_the_definition(request_with):
    request = request_with()
    config, definition = request["HyperParameterTuningJobConfig"], request["TrainingJobDefinition"]
    definition["TuningObjective"] = config.pop("HyperParameterTuningJobObjective")
    definition["HyperParameterRanges"] = config.pop("ParameterRanges")

    tuning = TuningRequest(request)
    tuning.check()

    assert (tuning.objective, tuning.ranges) == (OBJECTIVE, {"IntegerParameterRanges": [EPOCHS]})


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (RESOURCES, RESOURCES),
        (
            {
                "VolumeSizeInGB": 7,
                "AllocationStrategy": "Prioritized",
                "InstanceConfigs": [
                    {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 9},
                    {"InstanceType": "ml.c5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
                ],
            },
            {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 9},
        ),
    ],
)
def test_the_jobs_resources_may_be_in_the_tunings_own_member(request_with, resources, expected):
    request = request_with()
    definition = request["TrainingJobDefinition"]
    definition["HyperParameterTuningResourceConfig"] = resources
    assert TuningRequest(request).definition["ResourceConfig"] == RESOURCES
    del definition["ResourceConfig"]
    before = copy.deepcopy(request)

    tuning = TuningRequest(request)
    tuning.check()

    assert tuning.definition["ResourceConfig"] == expected
    assert request == before
