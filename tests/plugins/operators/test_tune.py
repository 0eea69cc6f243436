import asyncio

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowSkipException, TaskDeferred

from hashtag_retrain.operators.train import SageMakerTrainOnceOperator
from hashtag_retrain.operators.tune import SageMakerTuneOnceOperator
from local_aws.sagemaker.models import SageMakerBackend
from tests.plugins.attempts import CONTEXT, event_of, finish
from tests.plugins.jobs import tune_operator


def test_tuning_finds_the_best_job_once_and_training_takes_it(request_of, sagemaker):
    tuned = finish(tune_operator(request_of()))
    again = finish(tune_operator(request_of()))
    trained = finish(SageMakerTrainOnceOperator(task_id="train", config=request_of(), tuned=tuned))

    assert again == tuned
    assert tuned["training_jobs"] == 3
    assert tuned["reused"] is False
    jobs = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=tuned["tuning_job_name"]
    )["TrainingJobSummaries"]
    accuracies = [job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for job in jobs]
    assert tuned["validation_accuracy"] == max(accuracies)
    billable = [
        sagemaker.describe_training_job(TrainingJobName=job["TrainingJobName"])["BillableTimeInSeconds"] for job in jobs
    ]
    assert tuned["billable_seconds"] == sum(billable) > 0
    assert trained["training_job_name"] == tuned["training_job_name"]
    assert trained["hyperparameters"].items() >= tuned["hyperparameters"].items()
    assert trained["model_uri"].endswith(f"{tuned['training_job_name']}/output/model.tar.gz")


def test_stopping_a_run_stops_its_tuning_and_all_its_training_jobs(request_of, sagemaker, monkeypatch):
    monkeypatch.setattr(SageMakerBackend.services.pace, "factor", 0.05)  # so that it is still running
    operator = tune_operator(request_of(), jobs=50)
    with pytest.raises(TaskDeferred) as deferral:
        operator.execute(CONTEXT)

    asyncio.run(deferral.value.trigger.on_kill())

    name = deferral.value.trigger.name
    with pytest.raises(AirflowException, match="ended as Stopped"):
        asyncio.run(event_of(deferral.value.trigger))
    job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    assert job["TrainingJobStatusCounters"]["InProgress"] == 0


def test_without_a_request_tuning_is_skipped():
    with pytest.raises(AirflowSkipException, match="tune is off"):
        SageMakerTuneOnceOperator(task_id="tune", config={}).execute({})
