"""Operators that train and tune, and what becomes of their jobs."""

from typing import Any

from hashtag_retrain.operators.train import SageMakerTrainOnceOperator
from hashtag_retrain.operators.tune import SageMakerTuneOnceOperator
from include.aws.requests import tuning_request
from include.blazingtext.hyperparameters import TUNING_METRIC, tuning_ranges


def train_operator(request: dict[str, Any], check_interval: float = 0.05) -> SageMakerTrainOnceOperator:
    return SageMakerTrainOnceOperator(task_id="train", config=request, check_interval=check_interval)


def tune_operator(request: dict[str, Any], jobs: int = 3) -> SageMakerTuneOnceOperator:
    tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
    config = tuning_request(
        job_name=request["TrainingJobName"].replace("operators", "tune"),
        training=request,
        metric=TUNING_METRIC,
        ranges=tuning_ranges(),
        max_jobs=jobs,
        max_parallel_jobs=2,
        tags=tags,
    )
    return SageMakerTuneOnceOperator(task_id="tune", config=config, check_interval=0.05)


def wait_until_stopped(sagemaker: Any, name: str) -> None:
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    assert sagemaker.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] == "Stopped"
