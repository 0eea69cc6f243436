from datetime import UTC, datetime

import pytest

from local_aws import recent_metrics
from local_aws.recent_metrics import RecentMetrics

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@pytest.fixture
def metrics():
    return RecentMetrics()


@pytest.fixture
def clock(monkeypatch):
    """Sets the time, in seconds."""
    return lambda seconds: monkeypatch.setattr(recent_metrics.time, "time", lambda: seconds)


def publish(metrics: RecentMetrics, value: float, name: str = "Invocations") -> None:
    metrics.add(60, "AWS/SageMaker", {"EndpointName": "e"}, {name: (value, "Count")})


def series(name: str = "Invocations"):
    return "AWS/SageMaker", name, frozenset({("EndpointName", "e")})


def test_values_are_kept_by_the_minute_the_newest_first(metrics, clock):
    for seconds, value in ((600, 1.0), (659, 2.0), (660, 3.0)):
        clock(seconds)
        publish(metrics, value)

    assert [list(minute.values) for minute in metrics.of(series(), LONG_AGO)] == [[3.0], [1.0, 2.0]]
    assert [list(minute.values) for minute in metrics.of(series(), datetime.fromtimestamp(660, UTC))] == [[3.0]]


def test_a_metric_that_never_had_a_value_differs_from_one_without_recent_ones(metrics, clock):
    clock(600)
    publish(metrics, 1.0)

    assert metrics.of(series("Another"), LONG_AGO) is None
    assert metrics.of(series(), datetime.fromtimestamp(660, UTC)) == []


def test_the_memory_is_bounded(metrics, clock, monkeypatch):
    monkeypatch.setattr(recent_metrics, "MAX_SERIES", 3)
    monkeypatch.setattr(recent_metrics, "MAX_MINUTES", 2)
    for minute in range(4):
        clock(60 * minute)
        publish(metrics, 1.0, "first")
    assert len(metrics.of(series("first"), LONG_AGO)) == 2

    for name in ("second", "third", "fourth"):
        publish(metrics, 1.0, name)

    assert metrics.of(series("first"), LONG_AGO) is None
    assert metrics.of(series("fourth"), LONG_AGO)
