"""Hyperparameter tuning, through boto3."""

import itertools
import time

import pytest

from tests.local_aws.conftest import error_of, train

_numbers = itertools.count(1)
LEARNING_RATE = {"Name": "learning_rate", "MinValue": "0.01", "MaxValue": "0.5"}
EPOCHS = {"Name": "epochs", "MinValue": "2", "MaxValue": "6"}


@pytest.fixture
def request_with(request_of):
    """A CreateHyperParameterTuningJob request, with changes to its configuration and static hyperparameters."""

    def request(static=None, ranges=None, **config):
        ranges = ranges or {"ContinuousParameterRanges": [LEARNING_RATE], "IntegerParameterRanges": [EPOCHS]}
        tuned = {entry["Name"] for kind in ranges.values() for entry in kind}
        training = request_of(**(static or {}))
        kept = ("AlgorithmSpecification", "RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig")
        return {
            "HyperParameterTuningJobName": f"tuning-{next(_numbers)}",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Random",
                "RandomSeed": 1,
                "ParameterRanges": ranges,
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:accuracy"},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": 3, "MaxParallelTrainingJobs": 2},
                **config,
            },
            "TrainingJobDefinition": {
                **{key: training[key] for key in (*kept, "StoppingCondition")},
                "StaticHyperParameters": {
                    name: value for name, value in training["HyperParameters"].items() if name not in tuned
                },
            },
        }

    return request


def tune(sagemaker, request):
    sagemaker.create_hyper_parameter_tuning_job(**request)
    return wait(sagemaker, request["HyperParameterTuningJobName"])


def wait(sagemaker, name):
    while True:
        job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        if job["HyperParameterTuningJobStatus"] not in {"InProgress", "Stopping"}:
            return job
        time.sleep(0.05)


def jobs_of(sagemaker, job, **arguments):
    return sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=job["HyperParameterTuningJobName"], **arguments
    )["TrainingJobSummaries"]


def objective(summary):
    return summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]


def test_a_random_search_trains_real_jobs_and_names_the_best(sagemaker, request_with, client, settings):
    job = tune(sagemaker, request_with())

    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"] == {
        "Completed": 3,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 0}
    summaries = jobs_of(sagemaker, job, SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    assert [objective(summary) for summary in summaries] == sorted(map(objective, summaries), reverse=True)
    assert objective(job["BestTrainingJob"]) == objective(summaries[0])
    for summary in summaries:
        tuned = summary["TunedHyperParameters"]
        assert 0.01 <= float(tuned["learning_rate"]) <= 0.5
        assert 2 <= int(tuned["epochs"]) <= 6
        trained = sagemaker.describe_training_job(TrainingJobName=summary["TrainingJobName"])
        assert trained["HyperParameters"].items() >= tuned.items()
        assert trained["TuningJobArn"] == job["HyperParameterTuningJobArn"]
        key = trained["ModelArtifacts"]["S3ModelArtifacts"].split("/", 3)[3]
        assert client("s3").head_object(Bucket=settings.bucket, Key=key)["ContentLength"] > 0


def test_the_same_seed_tries_the_same_values(sagemaker, request_with):
    def tried():
        summaries = jobs_of(sagemaker, tune(sagemaker, request_with()))
        return [summary["TunedHyperParameters"] for summary in summaries]

    assert tried() == tried()


def test_a_grid_tries_every_combination(sagemaker, request_with):
    ranges = {
        "CategoricalParameterRanges": [
            {"Name": "word_ngrams", "Values": ["1", "2"]},
            {"Name": "learning_rate", "Values": ["0.1", "0.5"]},
        ]
    }
    request = request_with(ranges=ranges, Strategy="Grid", ResourceLimits={"MaxParallelTrainingJobs": 2})

    summaries = jobs_of(sagemaker, tune(sagemaker, request))

    tried = {(s["TunedHyperParameters"]["word_ngrams"], s["TunedHyperParameters"]["learning_rate"]) for s in summaries}
    assert tried == set(itertools.product("12", ["0.1", "0.5"]))
    assert len(summaries) == 4


@pytest.mark.parametrize(
    "criteria",
    [
        {"TargetObjectiveMetricValue": 0.5},
        {"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}},
    ],
)
def test_tuning_ends_early_when_it_is_good_enough_or_gets_no_better(sagemaker, request_with, criteria):
    limits = {"MaxNumberOfTrainingJobs": 30, "MaxParallelTrainingJobs": 1}

    job = tune(sagemaker, request_with(ResourceLimits=limits, TuningJobCompletionCriteria=criteria))

    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert 1 <= job["TrainingJobStatusCounters"]["Completed"] < 10


def test_never_more_jobs_at_a_time_than_allowed(sagemaker, request_with):
    limits = {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 1}
    tune_request = request_with(ResourceLimits=limits)
    job = tune(sagemaker, tune_request)

    spans = sorted((s["CreationTime"], s["TrainingEndTime"]) for s in jobs_of(sagemaker, job))

    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_tuning_whose_jobs_all_fail_has_failed(sagemaker, request_with):
    job = tune(sagemaker, request_with(static={"min_count": "1000"}))

    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("All training jobs failed.")
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 3
    assert job["ObjectiveStatusCounters"]["Failed"] == 3
    assert "BestTrainingJob" not in job
    assert jobs_of(sagemaker, job, SortBy="FinalObjectiveMetricValue") == []


def test_stopping_stops_the_training_jobs_and_starts_no_more(sagemaker, request_with):
    limits = {"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 2}
    ranges = {"ContinuousParameterRanges": [LEARNING_RATE]}
    endless = {"epochs": "1000000", "early_stopping": "False"}
    request = request_with(static=endless, ranges=ranges, ResourceLimits=limits)
    sagemaker.create_hyper_parameter_tuning_job(**request)
    name = request["HyperParameterTuningJobName"]
    while len(jobs_of(sagemaker, request)) < 2:
        time.sleep(0.02)

    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    job = wait(sagemaker, name)

    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    filters = [{"Name": "HyperParameterTuningJobName", "Operator": "Equals", "Value": name}]
    found = sagemaker.search(Resource="HyperParameterTuningJob", SearchExpression={"Filters": filters})["Results"]
    assert [record["HyperParameterTuningJob"]["HyperParameterTuningJobStatus"] for record in found] == ["Stopped"]
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2
    assert sum(job["TrainingJobStatusCounters"].values()) == 2
    assert error_of(sagemaker.stop_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)[0] == (
        "ValidationException"
    )
    sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert error_of(sagemaker.describe_hyper_parameter_tuning_job, HyperParameterTuningJobName=name)[1] == (
        "Requested resource not found."
    )


def test_the_best_job_of_a_tuning_can_be_trained_again_alone(sagemaker, request_with, request_of):
    """What tuning reports is what training gives."""
    best = tune(sagemaker, request_with())["BestTrainingJob"]

    job = train(sagemaker, request_of(**best["TunedHyperParameters"]))

    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert metrics["validation:accuracy"] == objective(best)


def test_the_resources_of_a_tunings_own_member_are_those_of_its_jobs(sagemaker, request_with):
    """HyperparameterTuner of the SageMaker SDK 2.x sends it."""
    request = request_with()
    resources = request["TrainingJobDefinition"].pop("ResourceConfig")
    request["TrainingJobDefinition"]["HyperParameterTuningResourceConfig"] = resources

    tuning = tune(sagemaker, request)

    assert tuning["HyperParameterTuningJobStatus"] == "Completed"
    best = sagemaker.describe_training_job(TrainingJobName=tuning["BestTrainingJob"]["TrainingJobName"])
    assert best["ResourceConfig"]["InstanceType"] == resources["InstanceType"]
    # Its HyperparameterTuner.attach reads the other one.
    assert tuning["TrainingJobDefinition"]["ResourceConfig"]["InstanceType"] == resources["InstanceType"]


def test_a_tuning_job_is_described_as_on_aws(sagemaker, request_with):
    """With the members that requests need not have. The SageMaker SDKs attach to a job by them."""
    request = request_with(ranges={"ContinuousParameterRanges": [LEARNING_RATE]})
    sagemaker.create_hyper_parameter_tuning_job(**request)
    name = request["HyperParameterTuningJobName"]

    job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    assert job["HyperParameterTuningJobConfig"]["ParameterRanges"] == {
        "ContinuousParameterRanges": [LEARNING_RATE],
        "IntegerParameterRanges": [],
        "CategoricalParameterRanges": [],
    }
    definition = job["TrainingJobDefinition"]
    given = request["TrainingJobDefinition"]["StaticHyperParameters"]
    assert definition["StaticHyperParameters"] == {**given, "_tuning_objective_metric": "validation:accuracy"}
    metrics = [metric["Name"] for metric in definition["AlgorithmSpecification"]["MetricDefinitions"]]
    assert metrics == ["train:accuracy", "validation:accuracy", "ObjectiveMetric"]
    assert definition["InputDataConfig"][0]["CompressionType"] == "None"
    assert definition["EnableManagedSpotTraining"] is False
    assert wait(sagemaker, name)["HyperParameterTuningJobStatus"] == "Completed"
