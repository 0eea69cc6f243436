"""The live endpoint: requests that go on through all rounds, and what is wrong with it after them."""

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from chaos.clients import Clients
from include.aws.registry import Registry, Version
from include.aws.resources import ENDPOINT, ENDPOINT_CONFIG, IN_PROGRESS, MODEL
from include.config.names import live_endpoint_name, model_package_group, start_of_live_names
from include.config.ownership import VERSION
from include.live.requests import alarm_names
from local_aws.load import Answer, Load

HASHTAG = "aws"
"""Of chaos/hashtags.yaml."""
NAME = live_endpoint_name(HASHTAG)
REQUESTS_PER_SECOND = 20.0
SECONDS_TO_SETTLE = 120
LOST = 0
"""The status of a request whose connection was lost, because the local AWS was killed."""


def load(local_aws_url: str) -> Load:
    """Requests to the live endpoint, to be used as a context manager."""
    body = json.dumps({"instances": ["hello lambda"]}).encode()
    return Load(local_aws_url, NAME, body, rate=REQUESTS_PER_SECOND, clients=2)


def failed_requests(answers: list[Answer]) -> Iterator[str]:
    """A request has failed, although the live endpoint was there and the local AWS was running."""
    first = next((answer.sent for answer in answers if answer.status == 200), float("inf"))
    failed = [answer for answer in answers if answer.status not in {200, LOST} and answer.sent >= first]
    for status, count in Counter(answer.status for answer in failed).items():
        body = next(answer.body for answer in failed if answer.status == status)
        yield f"{count} requests to {NAME} failed with status {status}: {body[:200]!r}"


def wrong(clients: Clients, is_interrupted: bool) -> Iterator[str]:
    """
    The live endpoint does not serve the newest approved version that was promoted, or something is left over.

    :param is_interrupted: a promotion was ended for good, by a user or because its retries were used up. Then the
        update that it has requested may have been rolled back without a word in the registry, and its leftovers wait
        for the next promotion or for a sweep.
    """
    endpoint, promoted = _settled(clients), _promoted(clients)
    if endpoint is not None:
        yield from _wrong_version(clients, endpoint, promoted, is_interrupted)
        if not is_interrupted:
            yield from _left_over(clients, endpoint)
    elif promoted:
        yield f"{NAME} does not exist, although version {promoted[-1].number} was promoted"


def _wrong_version(
    clients: Clients, endpoint: dict[str, Any], promoted: list[Version], is_interrupted: bool
) -> Iterator[str]:
    config = ENDPOINT_CONFIG.find(clients.sagemaker, endpoint["EndpointConfigName"])
    serving = int(config[1].get(VERSION, 0)) if config else 0
    if endpoint["EndpointStatus"] != "InService":
        yield f"{NAME} is {endpoint['EndpointStatus']}"
    approved = [version.number for version in promoted if version.approval == "Approved"]
    if serving not in approved:
        yield f"{NAME} serves version {serving}, which is not among the approved ones that were promoted: {approved}"
    elif serving != approved[-1] and not is_interrupted:
        yield f"{NAME} serves version {serving}, although version {approved[-1]} is newer, approved, and was promoted"


def _settled(clients: Clients) -> dict[str, Any] | None:
    limit = time.monotonic() + SECONDS_TO_SETTLE
    while (endpoint := ENDPOINT.describe(clients.sagemaker, NAME)) is not None:
        if endpoint["EndpointStatus"] not in IN_PROGRESS or time.monotonic() > limit:
            return endpoint
        time.sleep(0.5)
    return None


def _promoted(clients: Clients) -> list[Version]:
    """The versions whose promotion has begun, those of the newest tweets last."""
    calls = clients.calls_for(f"{start_of_live_names(HASHTAG)}*")
    made = [call["name"] for call in calls if call["operation"] == "CreateEndpointConfig" and call["outcome"] == "ok"]
    numbers = {int(found[1]) for name in made if (found := re.search(r"-v(\d+)-", name))}
    artifacts = f"s3://{clients.deployment}/"
    registry = Registry(clients.sagemaker, model_package_group(HASHTAG), artifacts)
    versions = [registry.version(number) for number in numbers]
    return sorted(versions, key=lambda version: (version.date, version.number))


def _left_over(clients: Clients, endpoint: dict[str, Any]) -> Iterator[str]:
    for kind in (ENDPOINT_CONFIG, MODEL):
        names = kind.list_names(clients.sagemaker, NameContains=start_of_live_names(HASHTAG))
        for name in names:
            if name != endpoint["EndpointConfigName"]:
                yield f"{kind.noun} {name} is left over"
    found = clients.cloudwatch.describe_alarms(AlarmNamePrefix=NAME)["MetricAlarms"]
    if sorted(alarm["AlarmName"] for alarm in found) != sorted(alarm_names(NAME)):
        yield f"the alarms of {NAME} are {[alarm['AlarmName'] for alarm in found]}"
