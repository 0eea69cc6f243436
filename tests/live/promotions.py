"""Versions in the model registry whose models can be told apart, and promotions of them."""

import itertools
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.aws.registry import SMOKE_TESTS, Registry, Version
from include.aws.requests import model_package_request
from include.blazingtext.model import LocalModel
from include.config.names import Keys, live_endpoint_name, model_package_group
from include.live.objections import objection_of_person, objection_of_run
from include.live.promotion import Clients, Promotion
from include.live.requests import LiveSettings
from include.live.retirement import Retirement
from tests.conftest import IMAGE
from tests.local_aws.sagemaker.conftest import new_archive

__all__ = [
    "_turn_off",
    "clients",
    "hashtag",
    "live_settings",
    "new_archive",
    "promote",
    "promotion",
    "register",
    "registry",
]
"""The fixtures, for `import *`."""
_numbers = itertools.count(1)
LONG_AGO = datetime(2006, 1, 1, tzinfo=UTC)
TEXTS = ("hello world again", "good bye then")


@pytest.fixture
def hashtag():
    """Of this test alone: the local AWS is that of many tests."""
    return f"live{next(_numbers)}"


@pytest.fixture
def live_settings():
    return LiveSettings(
        instance_type="ml.m5.large",
        instances=1,
        canary_percent=30,
        baking_minutes=10,
        max_error_share=0.01,
        max_latency_ms=1000,
    )


@pytest.fixture
def registry(sagemaker, storage, hashtag):
    return Registry(sagemaker, model_package_group(hashtag), storage.uri("twitter-data/"))


@pytest.fixture
def register(registry, storage, hashtag, model_archive, new_archive, tmp_path):
    """Registers a version. Those of odd dates have one model, those of even dates the other one."""

    def register(date: str, approval: str = "Approved") -> Version:
        archive, keys = (model_archive, new_archive)[int(date[-1]) % 2 == 0], Keys("twitter-data", hashtag, date)
        job = f"retrain-{hashtag}-{date}-{next(_numbers)}"
        uri = storage.write_bytes(archive, f"{keys.models}/{job}/output/model.tar.gz")
        path = tmp_path / f"{job}.tar.gz"
        path.write_bytes(archive)
        with LocalModel(path, tmp_path / job) as model:
            tests = [
                {"label": "a", "text": text, "instance": text, "expected": prediction.probabilities}
                for text, prediction in zip(TEXTS, model.predict(TEXTS), strict=True)
            ]
        request = model_package_request(
            description=f"#{hashtag}, tweets of {date} (training job {job})",
            image=IMAGE,
            model_uri=uri,
            metrics_uri=uri,
            approval=approval,
            properties={"date": date, SMOKE_TESTS: storage.write_json(tests, keys.smoke_tests(job))},
        )
        return registry.register(request, "a test", since=LONG_AGO)

    return register


@pytest.fixture
def clients(sagemaker, client):
    return Clients(sagemaker, client("sagemaker-runtime"), client("cloudwatch"))


@pytest.fixture
def promotion(clients, storage, registry, hashtag, live_settings, settings):
    """Makes the promotion of a version: a run's, or a person's."""

    def promotion(version: Version, by_person: bool = False, **changes: Any) -> Promotion:
        keys = Keys("twitter-data", hashtag, version.date)
        now = datetime.now(UTC)
        arguments = {
            "clients": clients,
            "storage": storage,
            "registry": registry,
            "hashtag": hashtag,
            "number": version.number,
            "settings": live_settings,
            "deployment": settings,
            "objection": objection_of_person if by_person else objection_of_run(storage, registry, keys),
            "started": now - timedelta(seconds=2),
            "until": now + timedelta(minutes=5),
            "log": logging.getLogger("promotion"),
        }
        return Promotion(**{**arguments, **changes})

    return promotion


@pytest.fixture
def promote(promotion):
    """Promotes a version to the end; calls `between` after each poll."""

    def promote(version: Version, between: Any = lambda: None, **changes: Any) -> Any:
        return finish(promotion(version, **changes), between)

    return promote


def finish(steps: Any, between: Any = lambda: None) -> Any:
    """Poll to the end."""
    end = time.monotonic() + 60
    while (result := steps.poll()) is None:
        assert time.monotonic() < end
        between()
        time.sleep(0.05)
    return result


@pytest.fixture(autouse=True)
def _turn_off(clients, hashtag, settings):
    """After the test, and nothing of the live endpoint is left."""
    yield
    finish(Retirement(clients, hashtag, settings.deployment, logging.getLogger("retirement")))
    assert left_of(clients, hashtag) == []


def left_of(clients: Clients, hashtag: str) -> list[str]:
    """The names of all that belongs to the live endpoint."""
    name, sagemaker = live_endpoint_name(hashtag), clients.sagemaker
    return [
        *(found["EndpointName"] for found in sagemaker.list_endpoints(NameContains=name)["Endpoints"]),
        *(
            found["EndpointConfigName"]
            for found in sagemaker.list_endpoint_configs(NameContains=name)["EndpointConfigs"]
        ),
        *(found["ModelName"] for found in sagemaker.list_models(NameContains=name)["Models"]),
        *(
            found["AlarmName"]
            for found in clients.cloudwatch.describe_alarms(AlarmNamePrefix=name, MaxRecords=100)["MetricAlarms"]
        ),
    ]


QUESTION = json.dumps({"instances": [TEXTS[0]]}).encode()
