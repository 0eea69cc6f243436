"""
Tuning against the defaults, on the local AWS: the same channels, the product's own requests, and the test split, which
neither has seen.

The tweets are the samples, or those of all CSV files below the folder RETRAIN_BENCHMARK_DATA: as one data set, or, with
--each, as one for each of the folders in it. Aim: the best of the tuned models is better than the defaults'.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import boto3

from include.aws.requests import training_request, tuning_request
from include.aws.storage import Storage
from include.blazingtext.hyperparameters import TUNING_METRIC, to_request, tuning_ranges
from include.blazingtext.model import LocalModel
from include.evaluation.comparison import Comparison, compare
from include.tweets.prepare import PrepareSettings, Source, prepare
from include.tweets.supervised import parse_example
from local_aws.pace import Pace
from local_aws.server import LocalAws

SAMPLES = Path(__file__).parents[1] / "include" / "sample_data" / "hashtags"
IMAGE = "811284229777.dkr.ecr.us-east-1.amazonaws.com/blazingtext:1"
BUCKET = "benchmark"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tuning", description=__doc__)
    parser.add_argument("--jobs", type=int, default=10, help="training jobs of each tuning (default: %(default)s)")
    parser.add_argument("--each", action="store_true", help="a data set for each folder in RETRAIN_BENCHMARK_DATA")
    options = parser.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "us-east-1"}
    data = Path(os.environ.get("RETRAIN_BENCHMARK_DATA") or SAMPLES)
    folders = sorted(folder for folder in data.iterdir() if any(_files(folder))) if options.each else [data]
    better = 0
    print(f"{'':<24}{'validation accuracy':>28}{'test accuracy':>24}\n{'':<24}{'defaults':>14}{'tuned':>14}", end="")
    print(f"{'defaults':>12}{'tuned':>12}  tuned beside the defaults")
    with LocalAws(pace=Pace(0.0005)) as server:
        client = boto3.client("s3", endpoint_url=server.url)
        client.create_bucket(Bucket=BUCKET)
        sagemaker = boto3.client("sagemaker", endpoint_url=server.url)
        for folder in folders:
            validation, test = _compare(sagemaker, Storage(client, BUCKET), folder, options.jobs)
            better += test.right > test.other_right
            print(
                f"{folder.name:<24}{validation[0]:>14.4f}{validation[1]:>14.4f}{test.other_right / test.tweets:>12.4f}"
                f"{test.right / test.tweets:>12.4f}  {test.in_words()}",
                flush=True,
            )
    print(f"{options.jobs} jobs: better on the test split of {better} of {len(folders)}")
    return 0 if better > len(folders) / 2 else 1


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.csv") if path.is_file())


def _compare(sagemaker: Any, storage: Storage, folder: Path, jobs: int) -> tuple[tuple[float, float], Comparison]:
    """Validation accuracies of the defaults and of the best tuned model, and both on the test split."""
    name = folder.name.replace("_", "-")
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        sources = [Source.from_path(path, str(path.relative_to(folder))) for path in _files(folder)]
        prepare(sources, out, PrepareSettings())
        for split in ("train", "validation"):
            storage.upload(out / f"{split}.txt", f"{name}/{split}/{split}.txt")
        request = training_request(
            job_name=f"defaults-{name}",
            image=IMAGE,
            role_arn="arn:aws:iam::123456789012:role/sagemaker",
            train_uri=storage.uri(f"{name}/train/"),
            validation_uri=storage.uri(f"{name}/validation/"),
            output_uri=storage.uri(f"{name}/models"),
            instance_type="ml.c5.xlarge",
            hyperparameters=to_request({}, (out / "train.txt").read_bytes().count(b"\n")),
            tags={},
        )
        sagemaker.create_training_job(**request)
        tuning = tuning_request(
            job_name=f"tune-{name}"[:32],
            training=request,
            metric=TUNING_METRIC,
            ranges=tuning_ranges(),
            max_jobs=jobs,
            max_parallel_jobs=2,
            tags={},
        )
        sagemaker.create_hyper_parameter_tuning_job(**tuning)
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName=request["TrainingJobName"], WaiterConfig={"Delay": 0.5, "MaxAttempts": 10_000}
        )
        best = _best(sagemaker, tuning["HyperParameterTuningJobName"])
        test = [parse_example(line) for line in (out / "test.txt").read_text(encoding="utf-8").splitlines()]
        found = [_judge(sagemaker, storage, job, test, out / job) for job in (request["TrainingJobName"], best)]
    (defaults, default_answers), (tuned, tuned_answers) = found
    return (defaults, tuned), compare([label for label, _ in test], tuned_answers, default_answers)


def _best(sagemaker: Any, tuning_job: str) -> str:
    while True:  # boto3 has no waiter for tuning jobs
        job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tuning_job)
        if job["HyperParameterTuningJobStatus"] != "InProgress":
            return str(job["BestTrainingJob"]["TrainingJobName"])
        time.sleep(0.5)


def _judge(
    sagemaker: Any, storage: Storage, job: str, test: list[tuple[str, str]], folder: Path
) -> tuple[float, list[str]]:
    """Validation accuracy, and answers for the test split."""
    description = sagemaker.describe_training_job(TrainingJobName=job)
    metrics = {metric["MetricName"]: metric["Value"] for metric in description["FinalMetricDataList"]}
    uri = description["ModelArtifacts"]["S3ModelArtifacts"]
    model = LocalModel(storage.download(storage.key_of(uri), folder / "model.tar.gz"), folder)
    return metrics["validation:accuracy"], [
        prediction.label for prediction in model.predict([instance for _, instance in test])
    ]


if __name__ == "__main__":
    sys.exit(main())
