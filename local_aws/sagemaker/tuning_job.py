"""Hyperparameter tuning: training jobs over ranges, with counters, the best job and completion criteria."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from moto.core.exceptions import ServiceException

from local_aws.blazingtext import TUNING_METRIC
from local_aws.sagemaker.hyperparameter_ranges import CATEGORICAL, CONTINUOUS, INTEGER, combinations, samples
from local_aws.sagemaker.job import Job, JobFailed
from local_aws.sagemaker.resource import now
from local_aws.sagemaker.training_job import METRIC_DEFINITIONS, SWITCHES, TrainingJob, describe_channels
from local_aws.sagemaker.tuning_request import TuningRequest

POLL_SECONDS = 0.02
MAX_TRAINING_JOBS = 500
"""Of a grid search without MaxNumberOfTrainingJobs."""
ALGORITHM_MEMBERS = ("TrainingImage", "TrainingInputMode", "MetricDefinitions")
TRAINING_JOB_MEMBERS = (
    "RoleArn",
    "InputDataConfig",
    "VpcConfig",
    "OutputDataConfig",
    "StoppingCondition",
    "Environment",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "ResourceConfig",
)
"""The members of the definition that each training job gets."""


@dataclass
class HyperParameterTuningJob(Job):
    """A tuning job."""

    KIND: ClassVar[str] = "hyper-parameter-tuning-job"
    NAME_MEMBER: ClassVar[str] = "HyperParameterTuningJobName"
    SUMMARY: ClassVar[str] = "HyperParameterTuningJobSummary"

    training_jobs: dict[str, dict[str, str]] = field(default_factory=dict)
    """The tuned hyperparameters by the name of the training job, oldest first."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._tuning = TuningRequest(self.request)
        self.create_training_job: Callable[[dict[str, Any], str], TrainingJob]
        self.find_training_job: Callable[[str], TrainingJob | None]

    def jobs(self) -> list[TrainingJob]:
        """The training jobs that have not been deleted, oldest first."""
        found = (self.find_training_job(name) for name in self.training_jobs)
        return [job for job in found if job is not None]

    def best_job(self) -> TrainingJob | None:
        """The completed job with the best objective; the oldest of those that are equal."""
        candidates = [job for job in self.jobs() if self.objective_of(job) is not None and job.status == "Completed"]
        return max(candidates, key=lambda job: self._sign * (self.objective_of(job) or 0.0), default=None)

    def objective_of(self, job: TrainingJob) -> float | None:
        return job.metrics.get(self._tuning.objective["MetricName"])

    @property
    def _sign(self) -> int:
        """A factor that makes the larger objective the better one."""
        return 1 if self._tuning.objective["Type"] == "Maximize" else -1

    def facts(self) -> dict[str, Any]:
        jobs, best = self.jobs(), self.best_job()
        return super().facts() | {
            "HyperParameterTuningJobArn": self.arn,
            "HyperParameterTuningJobStatus": self.status,
            "HyperParameterTuningEndTime": self.ended,
            "HyperParameterTuningJobConfig": self._describe_config(),
            "TrainingJobDefinition": self._describe_definition(),
            "Strategy": self._tuning.strategy,
            "ResourceLimits": self._tuning.limits,
            "TrainingJobStatusCounters": _status_counters(jobs),
            "ObjectiveStatusCounters": self._objective_counters(jobs),
            "BestTrainingJob": best and self.summarize_training_job(best),
        }

    def _describe_config(self) -> dict[str, Any]:
        config = self._tuning.config
        if ranges := config.get("ParameterRanges"):
            # AWS describes the kinds that have no ranges, too, and the SageMaker SDKs read them.
            return {**config, "ParameterRanges": {INTEGER: [], CONTINUOUS: [], CATEGORICAL: [], **ranges}}
        return config

    def _describe_definition(self) -> dict[str, Any]:
        """The definition of the training jobs with what AWS adds to it. The SageMaker SDKs attach to a job by it."""
        definition, metric = self._tuning.definition, self._tuning.objective["MetricName"]
        regex = next(known["Regex"] for known in METRIC_DEFINITIONS if known["Name"] == metric)
        return {
            **dict.fromkeys(SWITCHES, False),
            **definition,
            "StaticHyperParameters": {TUNING_METRIC: metric, **definition.get("StaticHyperParameters", {})},
            "AlgorithmSpecification": {
                "MetricDefinitions": [*METRIC_DEFINITIONS, {"Name": "ObjectiveMetric", "Regex": regex}],
                **definition["AlgorithmSpecification"],
            },
            "InputDataConfig": describe_channels(definition.get("InputDataConfig", [])),
        }

    def summarize_training_job(self, job: TrainingJob) -> dict[str, Any]:
        """The HyperParameterTrainingJobSummary of a training job."""
        value = self.objective_of(job)
        summary = {
            "TrainingJobName": job.name,
            "TrainingJobArn": job.arn,
            "CreationTime": job.created,
            "TrainingJobStatus": job.status,
            "TunedHyperParameters": self.training_jobs[job.name],
            "TrainingStartTime": job.started,
            "TrainingEndTime": job.ended,
            "FailureReason": job.facts()["FailureReason"],
            "ObjectiveStatus": self._objective_status(job),
        }
        if value is not None:
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = {
                "Type": self._tuning.objective["Type"],
                "MetricName": self._tuning.objective["MetricName"],
                "Value": value,
            }
        return {name: entry for name, entry in summary.items() if entry is not None}

    def _objective_status(self, job: TrainingJob) -> str:
        if job.is_in_progress:
            return "Pending"
        return "Failed" if self.objective_of(job) is None else "Succeeded"

    def _objective_counters(self, jobs: list[TrainingJob]) -> dict[str, int]:
        statuses = [self._objective_status(job) for job in jobs]
        return {status: statuses.count(status) for status in ("Succeeded", "Pending", "Failed")}

    # The search

    def _run(self) -> None:
        try:
            self._search()
        except ServiceException as error:  # a training job is refused
            raise JobFailed(str(error.message)) from error
        finally:
            for job in self._running():
                job.stop()
                job.done.wait()
        self._raise_if_stopped()
        if self.best_job() is None:
            raise JobFailed("All training jobs failed. See the failure reasons of the training jobs.")

    def _search(self) -> None:
        limits = self._tuning.limits
        candidates = self._candidates()
        for _ in range(limits.get("MaxNumberOfTrainingJobs", MAX_TRAINING_JOBS)):
            self._wait_until(lambda: len(self._running()) < limits["MaxParallelTrainingJobs"])
            tuned = next(candidates, None)
            if tuned is None or self._is_over():
                break
            self._train(tuned)
        self._wait_until(lambda: not self._running())

    def _candidates(self) -> Iterator[dict[str, str]]:
        if self._tuning.strategy == "Grid":
            return combinations(self._tuning.ranges)
        return samples(self._tuning.ranges, self._tuning.config.get("RandomSeed"))

    def _train(self, tuned: dict[str, str]) -> None:
        definition = self._tuning.definition
        name = f"{self.name}-{len(self.training_jobs) + 1:03d}-{uuid.uuid4().hex[:8]}"
        static = definition.get("StaticHyperParameters", {})
        request = {
            "TrainingJobName": name,
            "HyperParameters": {**static, **tuned, TUNING_METRIC: self._tuning.objective["MetricName"]},
            "AlgorithmSpecification": _members(definition["AlgorithmSpecification"], ALGORITHM_MEMBERS),
            **_members(definition, TRAINING_JOB_MEMBERS),
        }
        with self._lock:
            self.training_jobs = {**self.training_jobs, name: tuned}
            self.save()
        self.create_training_job(request, self.arn)

    def _running(self) -> list[TrainingJob]:
        return [job for job in self.jobs() if not job.done.is_set()]

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition() and not self._is_over():
            self._stop_requested.wait(POLL_SECONDS)

    def _is_over(self) -> bool:
        """Whether the search is stopped, out of time, or has met a completion criterion."""
        return self._stop_requested.is_set() or self._is_out_of_time() or self._criteria_are_met()

    def _is_out_of_time(self) -> bool:
        seconds = self._tuning.limits.get("MaxRuntimeInSeconds")
        return seconds is not None and (now() - self.created).total_seconds() > seconds

    def _criteria_are_met(self) -> bool:
        best = self.best_job()
        if best is None:
            return False
        criteria = self._tuning.config.get("TuningJobCompletionCriteria", {})
        target = criteria.get("TargetObjectiveMetricValue")
        if target is not None and self._sign * (self.objective_of(best) or 0.0) >= self._sign * target:
            return True
        limit = criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
        ended = [job.name for job in self.jobs() if job.done.is_set()]
        return limit is not None and best.name in ended and len(ended) - ended.index(best.name) - 1 >= limit


def _members(request: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: request[name] for name in names if name in request}


def _status_counters(jobs: list[TrainingJob]) -> dict[str, int]:
    statuses = [job.status for job in jobs]
    return {
        "Completed": statuses.count("Completed"),
        "InProgress": sum(job.is_in_progress for job in jobs),
        "RetryableError": 0,
        "NonRetryableError": statuses.count("Failed"),
        "Stopped": statuses.count("Stopped"),
    }
