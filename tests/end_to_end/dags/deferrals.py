"""Every task of the product that defers, many times, all at once, with what it waits for ready within a second."""

from datetime import timedelta

from airflow.sdk import DAG, Param

from hashtag_retrain.operators.delete import SageMakerDeleteEndpointOperator
from hashtag_retrain.operators.deploy import SageMakerOwnedEndpointOperator
from hashtag_retrain.operators.hold import SageMakerHoldEndpointOperator
from hashtag_retrain.operators.train import SageMakerTrainOnceOperator
from hashtag_retrain.retries import RetryTransientErrors
from hashtag_retrain.sensors.tweets import TweetsSensor
from include.aws.requests import endpoint_request, training_request

OF_EACH_KIND = 5
IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
ROLE = "arn:aws:iam::123456789012:role/deferrals"
BUCKET = "local-tweets"
RESOURCES = [
    ROLE,
    f"arn:aws:s3:::{BUCKET}",
    f"arn:aws:s3:::{BUCKET}/deferrals/*",
    *(f"arn:aws:sagemaker:us-east-1:123456789012:*/{kind}-*" for kind in ("train", "deploy", "hold", "delete")),
]
"""What this DAG needs beside the product's own policies."""
POLL_SECONDS = 0.2


def train_request(name: str) -> dict:
    return training_request(
        job_name=name,
        image=IMAGE,
        role_arn=ROLE,
        train_uri=f"s3://{BUCKET}/deferrals/train/",
        validation_uri=f"s3://{BUCKET}/deferrals/validation/",
        output_uri=f"s3://{BUCKET}/deferrals/models",
        instance_type="ml.c5.xlarge",
        hyperparameters={"mode": "supervised", "epochs": "5", "buckets": "100"},
        tags={"team": "tests"},
    )


def deploy_request(name: str) -> dict:
    """Of the model that the test has trained before."""
    return endpoint_request(
        name=name,
        image=IMAGE,
        role_arn=ROLE,
        model_uri=f"s3://{BUCKET}/deferrals/models/before/output/model.tar.gz",
        instance_type="ml.m5.large",
    )


with DAG(
    dag_id="deferrals",
    schedule=None,
    params={"round": Param("a", type="string")},
    default_args={
        "retries": 2,
        "retry_delay": timedelta(seconds=1),
        "retry_policy": RetryTransientErrors(),
    },
):
    for number in range(OF_EACH_KIND):
        name = f"{{{{ params.round }}}}-{number}"
        TweetsSensor(
            task_id=f"wait_{number}",
            bucket=BUCKET,
            folder=f"deferrals/tweets-{name}/labeled.csv",
            poke_interval=POLL_SECONDS,
        )
        SageMakerTrainOnceOperator(
            task_id=f"train_{number}", config=train_request(f"train-{name}"), check_interval=POLL_SECONDS
        )
        SageMakerOwnedEndpointOperator(
            task_id=f"deploy_{number}",
            config=deploy_request(f"deploy-{name}"),
            owner_tag=f"deferrals/{name}",
            deployment="tests",
            keep_minutes="30",
            check_interval=POLL_SECONDS,
        )
        SageMakerHoldEndpointOperator(
            task_id=f"hold_{number}", endpoint_name=f"hold-{name}", max_minutes=60, check_interval=POLL_SECONDS
        )
        SageMakerDeleteEndpointOperator(
            task_id=f"delete_{number}",
            endpoint_name=f"delete-{name}",
            check_interval=POLL_SECONDS,
            seconds_before_deferral=0,
        )
