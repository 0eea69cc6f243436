import statistics
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.cloudwatch.exceptions import ValidationError

from local_aws.aws_errors import UnsupportedOperation
from local_aws.datum import Datum
from local_aws.metric_statistics import check_statistic, is_of, known, value_of

START = datetime(2026, 1, 7, tzinfo=UTC)
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


def datum(values: list[float], **dimensions: str) -> Datum:
    made = Datum("AWS/SageMaker", "ModelLatency", dimensions, START, "Microseconds")
    for value in values:
        made.add(value)
    return made


@given(st.lists(VALUES, min_size=1, max_size=4))
def test_the_statistics_of_some_minutes_are_those_of_all_their_values(minutes):
    data, values = [datum(minute) for minute in minutes], [value for minute in minutes for value in minute]

    assert known(["SampleCount", "Minimum", "Maximum"], data) == {
        "SampleCount": len(values),
        "Minimum": min(values),
        "Maximum": max(values),
    }
    assert value_of("Sum", data) == pytest.approx(sum(values), abs=1e-3)
    assert value_of("Average", data) == pytest.approx(statistics.fmean(values), abs=1e-3)


@given(VALUES, st.sampled_from(["p0", "p50", "p90", "p99.9", "p100"]))
def test_percentiles_are_between_values_as_numpys(values, statistic):
    assert value_of(statistic, [datum(values)]) == pytest.approx(np.percentile(values, float(statistic[1:])), abs=1e-6)


def test_without_values_nothing_is_known():
    assert value_of("Average", [datum([])]) is None
    assert value_of("p50", []) is None


@pytest.mark.parametrize("statistic", ["Average", "p0", "p99.99", "p100"])
def test_a_statistic_is_accepted(statistic):
    check_statistic(statistic)


@pytest.mark.parametrize(
    ("statistic", "error"),
    [
        ("tm90", UnsupportedOperation),
        ("IQM", UnsupportedOperation),
        ("p101", ValidationError),
        ("Mean", ValidationError),
    ],
)
def test_what_is_none_or_not_supported_is_refused_with_its_name(statistic, error):
    with pytest.raises(error, match=statistic):
        check_statistic(statistic)


def test_a_metric_with_other_dimensions_or_in_another_unit_is_another_one():
    metric = {"Namespace": "AWS/SageMaker", "MetricName": "ModelLatency"}
    endpoint = {**metric, "Dimensions": [{"Name": "EndpointName", "Value": "e"}]}

    assert is_of(datum([1.0], EndpointName="e"), endpoint)
    assert is_of(datum([1.0], EndpointName="e"), {**endpoint, "Unit": "Microseconds"})
    assert not is_of(datum([1.0], EndpointName="e"), metric)
    assert not is_of(datum([1.0]), endpoint)
    assert not is_of(datum([1.0], EndpointName="e"), {**endpoint, "Unit": "Seconds"})
