"""
The request CreateHyperParameterTuningJob: what it contains, and what is allowed for BlazingText.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext-tuning.html
"""

from dataclasses import dataclass
from typing import Any

from include.blazingtext.hyperparameters import HYPERPARAMETERS
from local_aws.sagemaker.exceptions import ValidationException
from local_aws.sagemaker.hyperparameter_ranges import check_ranges

OBJECTIVE_METRIC = "validation:accuracy"
TUNABLE = frozenset({"epochs", "min_count", "learning_rate", "vector_dim", "word_ngrams", "buckets", "mode"})


@dataclass(frozen=True)
class TuningRequest:
    """The parts of a request."""

    request: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.request["HyperParameterTuningJobConfig"]
        return config

    @property
    def definition(self) -> dict[str, Any]:
        """The definition of the training jobs."""
        definition: dict[str, Any] = self.request.get("TrainingJobDefinition", {})
        resources = definition.get("HyperParameterTuningResourceConfig")
        if resources and "ResourceConfig" not in definition:
            return {**definition, "ResourceConfig": _resource_config(resources)}
        return definition

    @property
    def strategy(self) -> str:
        return str(self.config["Strategy"])

    @property
    def limits(self) -> dict[str, Any]:
        limits: dict[str, Any] = self.config["ResourceLimits"]
        return limits

    @property
    def objective(self) -> dict[str, str]:
        """Type (Maximize, Minimize) and MetricName."""
        return self.config.get("HyperParameterTuningJobObjective") or self.definition.get("TuningObjective") or {}

    @property
    def ranges(self) -> dict[str, list[dict[str, Any]]]:
        return self.config.get("ParameterRanges") or self.definition.get("HyperParameterRanges") or {}

    def check(self) -> None:
        """
        :raises ValidationException: SageMaker or the local AWS refuses the request
        """
        self._check_definition()
        self._check_strategy()
        self._check_objective()
        check_ranges(self.ranges, self.strategy)
        self._check_hyperparameters()

    def _check_definition(self) -> None:
        if not self.definition:
            raise ValidationException("TrainingJobDefinition is required.")
        for needed in ("ResourceConfig", "OutputDataConfig", "StoppingCondition"):
            if needed not in self.definition:
                raise ValidationException(f"TrainingJobDefinition needs {needed}.")

    def _check_strategy(self) -> None:
        if self.strategy == "Hyperband":
            raise ValidationException(
                "The local AWS does not support strategy Hyperband; it has Random, Grid and Bayesian."
            )
        if self.strategy != "Grid" and "MaxNumberOfTrainingJobs" not in self.limits:
            raise ValidationException("ResourceLimits needs MaxNumberOfTrainingJobs unless the strategy is Grid.")

    def _check_objective(self) -> None:
        metric = self.objective.get("MetricName")
        if metric != OBJECTIVE_METRIC:
            raise ValidationException(
                f"The objective metric for the hyperparameter tuning job, [{metric}], isn't valid for the BlazingText "
                f"algorithm. Choose a valid objective metric: {OBJECTIVE_METRIC}."
            )

    def _check_hyperparameters(self) -> None:
        tuned = {entry["Name"] for entries in self.ranges.values() for entry in entries}
        if not_tunable := sorted(tuned - TUNABLE):
            kind = "can be set but not tuned" if set(not_tunable) <= set(HYPERPARAMETERS) else "not tunable"
            raise ValidationException(f"Hyperparameters of BlazingText that are {kind}: {', '.join(not_tunable)}.")
        if both := sorted(tuned & set(self.definition.get("StaticHyperParameters", {}))):
            raise ValidationException(f"Hyperparameters are both static and in a range: {', '.join(both)}.")


def _resource_config(resources: dict[str, Any]) -> dict[str, Any]:
    """A training job's ResourceConfig, from HyperParameterTuningResourceConfig; of several instances the first."""
    instance = (resources.get("InstanceConfigs") or [resources])[0]
    members = {**resources, **instance}
    names = ("InstanceType", "InstanceCount", "VolumeSizeInGB", "VolumeKmsKeyId")
    return {name: members[name] for name in names if name in members}
