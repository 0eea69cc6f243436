import time

import requests

from local_aws.load import Answer, Load
from tests.local_aws.conftest import deploy, wait_for_endpoint, wait_until

QUESTION = b'{"instances": ["hello world"]}'
NOBODY = "http://127.0.0.1:1"
"""Where no server listens."""


def test_every_request_gets_an_answer_with_the_variant_that_gave_it(local_aws, sagemaker, model_uri):
    name = deploy(sagemaker, model_uri)
    wait_for_endpoint(sagemaker, name)

    with Load(local_aws.url, name, QUESTION, clients=3) as load:
        wait_until(lambda: len(load.answers) >= 20)

    assert load.failed == []
    assert {(answer.status, answer.variant) for answer in load.answers} == {(200, "AllTraffic")}
    assert all(b"__label__" in answer.body for answer in load.answers)
    assert requests_of(local_aws, name) == len(load.answers)


def requests_of(local_aws, name):
    endpoints = requests.get(f"{local_aws.url}/_local/state", timeout=5).json()["endpoints"]
    return next(endpoint["request_count"] for endpoint in endpoints if endpoint["name"] == name)


def test_a_refusal_is_an_answer_that_failed(local_aws):
    with Load(local_aws.url, "load-of-none", QUESTION, clients=2) as load:
        wait_until(lambda: len(load.answers) >= 4)

    assert load.failed == load.answers
    assert {answer.status for answer in load.answers} == {400}
    assert b"load-of-none" in load.answers[0].body


def test_a_lost_connection_has_the_status_0_and_the_next_request_is_sent_all_the_same():
    with Load(NOBODY, "e", QUESTION, clients=1) as load:
        wait_until(lambda: len(load.answers) >= 3)

    assert {(answer.status, answer.variant) for answer in load.answers} == {(0, "")}
    assert b"refused" in load.answers[0].body


def test_requests_are_sent_at_the_rate_and_no_faster(local_aws):
    started = time.monotonic()
    with Load(local_aws.url, "load-of-none", QUESTION, rate=40.0, clients=4) as load:
        wait_until(lambda: len(load.answers) >= 12)

    sent = sorted(answer.sent for answer in load.answers)
    assert all(moment >= started + number / 40 - 1e-3 for number, moment in enumerate(sent))


def test_the_answers_since_a_moment_are_those_to_later_requests():
    load = Load(NOBODY, "e", b"")
    load.answers = [Answer(sent, 200, "", b"") for sent in (1.0, 2.0, 3.0)]

    assert [answer.sent for answer in load.since(2.0)] == [2.0, 3.0]
