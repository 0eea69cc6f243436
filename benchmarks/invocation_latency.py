"""
InvokeEndpoint against the model's own prediction plus an empty request to the same server, in turns on one connection;
and the rate of answers while the endpoint is updated, against the rate before.

Aims: the median request takes at most 3 ms more than the two together. An update takes less than half of the rate.
"""

import http.client
import io
import json
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import fasttext

from benchmarks.texts import write_supervised
from local_aws.load import Load
from local_aws.pace import Pace
from local_aws.server import LocalAws

ROUNDS = 1000
AIM_MILLISECONDS, AIM_OF_RATE = 3.0, 0.5
UPDATES, SECONDS_BEFORE = 3, 2.0
BODY = json.dumps({"instances": ["word1 word2 lambda word3 coupon word4"], "configuration": {"k": 2}})
HEADERS = {
    "Content-Type": "application/json",
    "Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, Signature=x",
}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, LocalAws(pace=Pace(0)) as server:
        model = _train(Path(folder))
        sagemaker = _deploy(server.url, Path(folder) / "model.bin")
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
        predicted = json.loads(BODY)["instances"][0]
        calls: dict[str, Callable[[], object]] = {
            "request": lambda: _call(connection, "POST", "/endpoints/bench/invocations", BODY),
            "empty request": lambda: _call(connection, "GET", "/_local/health"),
            "prediction": lambda: model.predict(predicted, k=2),
        }
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(ROUNDS):
            for name, call in calls.items():
                started = time.perf_counter()
                call()
                times[name].append((time.perf_counter() - started) * 1e3)
        rate = statistics.median(_rate_in_an_update(server.url, sagemaker) for _ in range(UPDATES))
    medians = {name: statistics.median(values) for name, values in times.items()}
    overhead = medians["request"] - medians["empty request"] - medians["prediction"]
    print(f"medians of {ROUNDS} rounds in turns, milliseconds")
    for name, median in medians.items():
        print(f"  {name:<14}{median:7.3f}")
    print(f"  overhead      {overhead:7.3f}  (aim: at most {AIM_MILLISECONDS:.0f})")
    print(f"answers in an update: {rate:.2f} of the rate before, median of {UPDATES} (aim: at least {AIM_OF_RATE})")
    return 0 if overhead <= AIM_MILLISECONDS and rate >= AIM_OF_RATE else 1


def _train(folder: Path) -> "fasttext.FastText._FastText":
    write_supervised(folder / "train.txt", 5_000)
    model = fasttext.train_supervised(
        str(folder / "train.txt"), dim=10, epoch=3, wordNgrams=2, bucket=200_000, thread=1, verbose=0
    )
    model.save_model(str(folder / "model.bin"))
    return model


def _rate_in_an_update(url: str, sagemaker: Any) -> float:
    """The answers a second while a new fleet starts and takes over, as a share of those before."""
    with Load(url, "bench", BODY.encode()) as load:
        time.sleep(SECONDS_BEFORE)
        began, before = time.monotonic(), len(load.answers) / SECONDS_BEFORE
        sagemaker.update_endpoint(EndpointName="bench", EndpointConfigName="bench")
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="bench", WaiterConfig={"Delay": 1})
        return len(load.since(began)) / (time.monotonic() - began) / before


def _deploy(url: str, model: Path) -> Any:
    """Of an endpoint called bench; returns the client."""
    options = {"endpoint_url": url, "region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
    s3, sagemaker = boto3.client("s3", **options), boto3.client("sagemaker", **options)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(model, "model.bin")
    s3.create_bucket(Bucket="bench")
    s3.put_object(Bucket="bench", Key="model.tar.gz", Body=archive.getvalue())
    container = {"Image": "blazingtext:1", "ModelDataUrl": "s3://bench/model.tar.gz"}
    role = "arn:aws:iam::123456789012:role/x"
    sagemaker.create_model(ModelName="bench", PrimaryContainer=container, ExecutionRoleArn=role)
    variant = {"VariantName": "A", "ModelName": "bench", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_endpoint_config(EndpointConfigName="bench", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="bench", EndpointConfigName="bench")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="bench", WaiterConfig={"Delay": 1})
    return sagemaker


def _call(connection: http.client.HTTPConnection, method: str, path: str, body: str | None = None) -> bytes:
    connection.request(method, path, body, HEADERS if body else {})
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise SystemExit(f"{method} {path} answers {response.status}: {answer.decode()}")
    return answer


if __name__ == "__main__":
    sys.exit(main())
