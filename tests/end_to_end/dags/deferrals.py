"""Every task of the product that defers, many times, with what it waits for ready within a second."""

from datetime import timedelta

from airflow.sdk import DAG, Param, chain

from hashtag_retrain.operators.delete import SageMakerDeleteEndpointOperator
from hashtag_retrain.operators.deploy import SageMakerOwnedEndpointOperator
from hashtag_retrain.operators.hold import SageMakerHoldEndpointOperator
from hashtag_retrain.operators.train import SageMakerTrainOnceOperator
from hashtag_retrain.retries import RetryTransientErrors
from hashtag_retrain.sensors.tweets import TweetsSensor
from include.blazingtext.requests import endpoint_request, training_request

CHAINS = 5
IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
ROLE = "arn:aws:iam::123456789012:role/local-sagemaker"
BUCKET = "local-tweets"
POLL_SECONDS = 0.2

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
    for number in range(CHAINS):
        name = f"deferrals-{{{{ params.round }}}}-{number}"
        model_uri = f"s3://{BUCKET}/deferrals/models/{name}/output/model.tar.gz"
        wait = TweetsSensor(
            task_id=f"wait_{number}", bucket=BUCKET, folder=f"deferrals/{name}/labeled.csv", poke_interval=POLL_SECONDS
        )
        train = SageMakerTrainOnceOperator(
            task_id=f"train_{number}",
            config=training_request(
                job_name=name,
                image=IMAGE,
                role_arn=ROLE,
                train_uri=f"s3://{BUCKET}/deferrals/train/",
                validation_uri=f"s3://{BUCKET}/deferrals/validation/",
                output_uri=f"s3://{BUCKET}/deferrals/models",
                instance_type="ml.c5.xlarge",
                hyperparameters={"mode": "supervised", "epochs": "5", "buckets": "100"},
                tags={"team": "tests"},
            ),
            check_interval=POLL_SECONDS,
        )
        deploy = SageMakerOwnedEndpointOperator(
            task_id=f"deploy_{number}",
            config=endpoint_request(
                name=name, image=IMAGE, role_arn=ROLE, model_uri=model_uri, instance_type="ml.m5.large"
            ),
            owner_tag=f"deferrals/{name}",
            deployment="tests",
            keep_minutes="30",
            check_interval=POLL_SECONDS,
        )
        hold = SageMakerHoldEndpointOperator(
            task_id=f"hold_{number}", endpoint_name=name, max_minutes=60, check_interval=POLL_SECONDS
        )
        delete = SageMakerDeleteEndpointOperator(
            task_id=f"delete_{number}", endpoint_name=name, check_interval=POLL_SECONDS
        )
        chain(wait, train, deploy, hold, delete)
