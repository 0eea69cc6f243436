"""Hyperparameter tuning: real training jobs over ranges, with counters, the best job and completion criteria."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from moto.core.exceptions import ServiceException

from local_aws.sagemaker.hyperparameter_ranges import combinations, samples
from local_aws.sagemaker.job import Job, JobFailed
from local_aws.sagemaker.resource import now
from local_aws.sagemaker.training_job import TrainingJob

POLL_SECONDS = 0.02


@dataclass
class HyperParameterTuningJob(Job):
    """One tuning job, from creation on."""

    KIND: ClassVar[str] = "hyper-parameter-tuning-job"
    NAME_MEMBER: ClassVar[str] = "HyperParameterTuningJobName"
    SUMMARY: ClassVar[str] = "HyperParameterTuningJobSummary"

    training_jobs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Tuned hyperparameters by the training job's name, in the order of their creation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.create_training_job: Callable[[dict[str, Any], str], TrainingJob]
        self.find_training_job: Callable[[str], TrainingJob | None]

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.request["HyperParameterTuningJobConfig"]
        return config

    @property
    def definition(self) -> dict[str, Any]:
        definition: dict[str, Any] = self.request["TrainingJobDefinition"]
        return definition

    @property
    def objective(self) -> dict[str, str]:
        """Type (Maximize, Minimize) and metric."""
        objective = self.config.get("HyperParameterTuningJobObjective") or self.definition["TuningObjective"]
        return {"Type": objective["Type"], "MetricName": objective["MetricName"]}

    def jobs(self) -> list[TrainingJob]:
        """Its training jobs that are still known, in the order of their creation."""
        found = (self.find_training_job(name) for name in self.training_jobs)
        return [job for job in found if job is not None]

    def best_job(self) -> TrainingJob | None:
        """The completed job with the best objective; the first of equals."""
        sign = 1 if self.objective["Type"] == "Maximize" else -1
        candidates = [job for job in self.jobs() if self.objective_of(job) is not None and job.status == "Completed"]
        return max(candidates, key=lambda job: sign * (self.objective_of(job) or 0.0), default=None)

    def objective_of(self, job: TrainingJob) -> float | None:
        return job.metrics.get(self.objective["MetricName"])

    def facts(self) -> dict[str, Any]:
        jobs, best = self.jobs(), self.best_job()
        return super().facts() | {
            "HyperParameterTuningJobArn": self.arn,
            "HyperParameterTuningJobStatus": self.status,
            "HyperParameterTuningEndTime": self.ended,
            "Strategy": self.config["Strategy"],
            "ResourceLimits": self.config["ResourceLimits"],
            "TrainingJobStatusCounters": _status_counters(jobs),
            "ObjectiveStatusCounters": self._objective_counters(jobs),
            "BestTrainingJob": best and self.summarize_training_job(best),
        }

    def summarize_training_job(self, job: TrainingJob) -> dict[str, Any]:
        """A HyperParameterTrainingJobSummary."""
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
            summary["FinalHyperParameterTuningJobObjectiveMetric"] = {**self.objective, "Value": value}
        return {name: entry for name, entry in summary.items() if entry is not None}

    def _objective_status(self, job: TrainingJob) -> str:
        if job.status in {"InProgress", "Stopping"}:
            return "Pending"
        return "Failed" if self.objective_of(job) is None else "Succeeded"

    def _objective_counters(self, jobs: list[TrainingJob]) -> dict[str, int]:
        statuses = [self._objective_status(job) for job in jobs]
        return {status: statuses.count(status) for status in ("Succeeded", "Pending", "Failed")}

    # The search

    def _run(self) -> None:
        try:
            self._search()
        except ServiceException as error:  # a training job was refused
            raise JobFailed(str(error.message)) from error
        finally:
            for job in self._running():
                job.stop()
                job.done.wait()
        self._raise_if_stopped()
        if self.best_job() is None:
            raise JobFailed("All training jobs failed. See the failure reasons of the training jobs.")

    def _search(self) -> None:
        limits = self.config["ResourceLimits"]
        tuned = self._candidates()
        for _ in range(limits.get("MaxNumberOfTrainingJobs", 500)):
            self._wait_until(lambda: len(self._running()) < limits["MaxParallelTrainingJobs"])
            candidate = next(tuned, None)
            if candidate is None or self._is_over():
                break
            self._train(candidate)
        self._wait_until(lambda: not self._running())

    def _candidates(self) -> Iterator[dict[str, str]]:
        ranges = self.config.get("ParameterRanges") or self.definition.get("HyperParameterRanges") or {}
        if self.config["Strategy"] == "Grid":
            return combinations(ranges)
        return samples(ranges, self.config.get("RandomSeed"))

    def _train(self, tuned: dict[str, str]) -> None:
        definition = self.definition
        name = f"{self.name}-{len(self.training_jobs) + 1:03d}-{uuid.uuid4().hex[:8]}"
        algorithm = definition["AlgorithmSpecification"]
        request = {
            "TrainingJobName": name,
            "HyperParameters": {
                **definition.get("StaticHyperParameters", {}),
                **tuned,
                "_tuning_objective_metric": self.objective["MetricName"],
            },
            "AlgorithmSpecification": {
                key: algorithm[key]
                for key in ("TrainingImage", "TrainingInputMode", "MetricDefinitions")
                if key in algorithm
            },
        }
        shared = (
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
        request |= {key: definition[key] for key in shared if key in definition}
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
        """Stopped by a person, out of time, or as good as was asked for."""
        return self._stop_requested.is_set() or self._is_out_of_time() or self._criteria_are_met()

    def _is_out_of_time(self) -> bool:
        seconds = self.config["ResourceLimits"].get("MaxRuntimeInSeconds")
        return seconds is not None and (now() - self.created).total_seconds() > seconds

    def _criteria_are_met(self) -> bool:
        criteria = self.config.get("TuningJobCompletionCriteria", {})
        best = self.best_job()
        if best is None:
            return False
        value, sign = self.objective_of(best) or 0.0, 1 if self.objective["Type"] == "Maximize" else -1
        target = criteria.get("TargetObjectiveMetricValue")
        patience = criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving")
        names = [job.name for job in self.jobs() if job.done.is_set()]
        return (target is not None and sign * value >= sign * target) or (
            patience is not None and best.name in names and len(names) - names.index(best.name) - 1 >= patience
        )


def _status_counters(jobs: list[TrainingJob]) -> dict[str, int]:
    statuses = [job.status for job in jobs]
    return {
        "Completed": statuses.count("Completed"),
        "InProgress": statuses.count("InProgress") + statuses.count("Stopping"),
        "RetryableError": 0,
        "NonRetryableError": statuses.count("Failed"),
        "Stopped": statuses.count("Stopped"),
    }
