"""FilterLogEvents: which streams, which messages, in which order."""

import itertools
import time

import pytest

from tests.local_aws.conftest import error_of

_numbers = itertools.count(1)
MESSAGES = ["ERROR one", "ERROR two", "WARN three [x-1]", 'said "four five"']


@pytest.fixture
def logs(once):
    return once("logs")


@pytest.fixture
def group(logs):
    """A group with the streams job-1/a, job-1/b and job-2/a, each with all messages."""
    name = f"/group-{next(_numbers)}"
    logs.create_log_group(logGroupName=name)
    now = int(time.time() * 1000)
    for number, stream in enumerate(("job-1/a", "job-1/b", "job-2/a")):
        logs.create_log_stream(logGroupName=name, logStreamName=stream)
        events = [{"timestamp": now + 10 * place + number, "message": text} for place, text in enumerate(MESSAGES)]
        logs.put_log_events(logGroupName=name, logStreamName=stream, logEvents=events)
    return name


def streams_of(answer):
    return {event["logStreamName"] for event in answer["events"]}


def test_the_prefix_of_the_streams_is_honoured(logs, group):
    answer = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="job-1/")

    assert streams_of(answer) == {"job-1/a", "job-1/b"}
    assert logs.filter_log_events(logGroupName=group, logStreamNamePrefix="job-3")["events"] == []
    assert streams_of(logs.filter_log_events(logGroupName=group, logStreamNames=["job-2/a"])) == {"job-2/a"}
    assert len(logs.filter_log_events(logGroupName=group)["events"]) == 12


def test_names_and_a_prefix_are_too_much(logs, group):
    code, _ = error_of(
        logs.filter_log_events, logGroupName=group, logStreamNames=["job-1/a"], logStreamNamePrefix="job"
    )

    assert code == "InvalidParameterException"


def test_events_come_by_time_and_by_page(logs, group):
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, logStreamNamePrefix="job-1", PaginationConfig={"PageSize": 3}
    )
    events = [event for page in pages for event in page["events"]]

    assert [event["message"] for event in events] == [text for text in MESSAGES for _ in "ab"]
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)
    times = {"startTime": events[2]["timestamp"], "endTime": events[3]["timestamp"]}
    assert logs.filter_log_events(logGroupName=group, logStreamNamePrefix="job-1", **times)["events"] == events[2:4]


@pytest.mark.parametrize(
    ("pattern", "places"),
    [
        ("", [0, 1, 2, 3]),
        ("ERROR", [0, 1]),
        ("error", []),
        ("ERROR two", [1]),
        ("ERROR -two", [0]),
        ("-ERROR", [2, 3]),
        ("?one ?three", [0, 2]),
        ("ERROR ?three", [0, 1]),
        ('"WARN three"', [2]),
        ('"[x-1]"', [2]),
        (r'"\"four"', [3]),
        ('-"ERROR one" -"ERROR two"', [2, 3]),
    ],
)
def test_patterns_of_terms(logs, group, pattern, places):
    answer = logs.filter_log_events(logGroupName=group, logStreamNames=["job-1/a"], filterPattern=pattern)

    assert [event["message"] for event in answer["events"]] == [MESSAGES[place] for place in places]


@pytest.mark.parametrize("pattern", ['{ $.level = "ERROR" }', "[a, b]", "%ERR.R%"])
def test_other_patterns_are_refused_by_name(logs, group, pattern):
    code, message = error_of(logs.filter_log_events, logGroupName=group, filterPattern=pattern)

    assert code == "NotImplemented"
    assert pattern in message


@pytest.mark.parametrize(
    "request_",
    [{"filterPattern": '"open'}, {"nextToken": "x"}, {"limit": 10_001}, {"logStreamNamePrefix": ":"}],
)
def test_requests_that_do_not_fit_are_refused(logs, group, request_):
    assert error_of(logs.filter_log_events, logGroupName=group, **request_)[0] == "InvalidParameterException"


def test_a_group_that_is_not_there(logs):
    assert error_of(logs.filter_log_events, logGroupName="none")[0] == "ResourceNotFoundException"
