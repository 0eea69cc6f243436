"""CloudWatch's statistics and percentiles, and what it refuses."""

import datetime
import itertools

import pytest

from local_aws.cloud import Cloud
from local_aws.s3_objects import S3Objects
from local_aws.store import Store
from tests.local_aws.conftest import error_of

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
RANGE = {"StartTime": NOW - datetime.timedelta(minutes=10), "EndTime": NOW + datetime.timedelta(hours=1)}
DAY = 86_400
"""A period in which all values of a test fall."""
_numbers = itertools.count(1)


@pytest.fixture
def cloudwatch(once):
    return once("cloudwatch")


@pytest.fixture
def latency():
    """A metric with the values 1 to 100 in one minute, as the local AWS publishes it."""
    name = f"Latency{next(_numbers)}"
    cloud = Cloud("123456789012", "us-east-1", S3Objects(Store()))
    for value in range(1, 101):
        cloud.put_metrics("AWS/SageMaker", {"EndpointName": "e"}, {name: (float(value), "Microseconds")})
    return {"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": [{"Name": "EndpointName", "Value": "e"}]}


def query(metric, stat, **others):
    return {"Id": "q", "MetricStat": {"Metric": metric, "Period": DAY, "Stat": stat}, **others}


def points(cloudwatch, metric, **others):
    return cloudwatch.get_metric_statistics(**metric, **{**RANGE, "Period": DAY, **others})["Datapoints"]


def test_percentiles_of_an_endpoints_metric(cloudwatch, latency):
    (point,) = points(cloudwatch, latency, ExtendedStatistics=["p0", "p50", "p90", "p99.9", "p100"])

    expected = {"p0": 1, "p50": 50.5, "p90": 90.1, "p99.9": 99.901, "p100": 100}
    assert point["ExtendedStatistics"] == pytest.approx(expected)
    assert point["Unit"] == "Microseconds"


def test_percentiles_by_metric_data(cloudwatch, latency):
    results = cloudwatch.get_metric_data(MetricDataQueries=[query(latency, "p90", Label="slow")], **RANGE)

    (result,) = results["MetricDataResults"]
    assert (result["Id"], result["Label"], result["StatusCode"]) == ("q", "slow", "Complete")
    assert len(result["Values"]) == len(result["Timestamps"]) > 0
    assert all(1 <= value <= 100 for value in result["Values"])


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("SampleCount", 3), ("Sum", 6), ("Average", 2), ("Minimum", 1), ("Maximum", 3), ("p50", 2), ("p100", 3)],
)
def test_statistics_of_a_clients_metric(cloudwatch, statistic, value):
    metric = {"Namespace": "Mine", "MetricName": f"metric-{next(_numbers)}"}
    time = NOW.replace(hour=0, minute=0, second=0)
    data = [
        {"MetricName": metric["MetricName"], "Values": [1.0, 2.0], "Timestamp": time},
        {"MetricName": metric["MetricName"], "Value": 3.0, "Timestamp": time},
        {"MetricName": metric["MetricName"], "Value": 99.0, "Dimensions": [{"Name": "a", "Value": "b"}]},
    ]
    cloudwatch.put_metric_data(Namespace="Mine", MetricData=data)
    day = {"StartTime": time, "EndTime": time + datetime.timedelta(days=1)}

    (result,) = cloudwatch.get_metric_data(MetricDataQueries=[query(metric, statistic)], **day)["MetricDataResults"]
    kind = "ExtendedStatistics" if statistic.startswith("p") else "Statistics"
    (point,) = points(cloudwatch, metric, **{kind: [statistic]}, **day)

    assert result["Values"] == [value]
    assert result["Timestamps"] == [point["Timestamp"]] == [time]
    assert point.get("ExtendedStatistics", point)[statistic] == value


def test_a_statistic_set_has_no_percentiles(cloudwatch):
    metric = {"Namespace": "Mine", "MetricName": f"metric-{next(_numbers)}"}
    values = {"Sum": 10.0, "Minimum": 1.0, "Maximum": 5.0, "SampleCount": 4.0}
    cloudwatch.put_metric_data(
        Namespace="Mine", MetricData=[{"MetricName": metric["MetricName"], "StatisticValues": values}]
    )

    (average,) = cloudwatch.get_metric_data(MetricDataQueries=[query(metric, "Average")], **RANGE)["MetricDataResults"]
    (percentile,) = cloudwatch.get_metric_data(MetricDataQueries=[query(metric, "p90")], **RANGE)["MetricDataResults"]

    assert (average["Values"], percentile["Values"]) == ([2.5], [])


def test_an_expression_may_be_another_querys_id(cloudwatch, latency):
    queries = [query(latency, "Sum", ReturnData=False), {"Id": "other", "Expression": "q"}]

    (result,) = cloudwatch.get_metric_data(MetricDataQueries=queries, **RANGE)["MetricDataResults"]

    assert result["Id"] == "other"
    assert sum(result["Values"]) == 5050


@pytest.mark.parametrize("statistic", ["tm90", "TM(10%:90%)", "IQM", "PR(:300)", "TC(0.005:0.030)", "wm98"])
def test_other_statistics_are_refused_by_name(cloudwatch, latency, statistic):
    expected = ("NotImplemented", f"The local AWS does not support the statistic {statistic}.")

    assert error_of(cloudwatch.get_metric_data, MetricDataQueries=[query(latency, statistic)], **RANGE) == expected
    assert error_of(points, cloudwatch=cloudwatch, metric=latency, ExtendedStatistics=[statistic]) == expected


@pytest.mark.parametrize("expression", ["q / 2", "SELECT AVG(x) FROM y", "SEARCH('x', 'Sum')", "none"])
def test_expressions_are_refused_by_name(cloudwatch, latency, expression):
    queries = [query(latency, "Sum"), {"Id": "e", "Expression": expression, "Period": 60}]

    code, message = error_of(cloudwatch.get_metric_data, MetricDataQueries=queries, **RANGE)

    assert code == "NotImplemented"
    assert expression in message


@pytest.mark.parametrize("statistic", ["p101", "p-1", "p", "median", "sum", ""])
def test_what_is_no_statistic_is_refused(cloudwatch, latency, statistic):
    assert error_of(cloudwatch.get_metric_data, MetricDataQueries=[query(latency, statistic)], **RANGE)[0] in {
        "ValidationError"
    }


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "InvalidParameterCombination"),
        ({"Statistics": ["Sum"], "ExtendedStatistics": ["p90"]}, "InvalidParameterCombination"),
        ({"Statistics": ["Sum"], "Period": 90}, "ValidationError"),
        ({"Statistics": ["Sum"], "Period": 1, "StartTime": "2020-01-01"}, "InvalidParameterCombination"),
        ({"Statistics": ["Sum"], "StartTime": "2030-01-01", "EndTime": "2029-01-01"}, "InvalidParameterValue"),
        ({"ExtendedStatistics": ["p101"]}, "ValidationError"),
    ],
)
def test_requests_that_do_not_fit_are_refused(cloudwatch, latency, change, code):
    assert error_of(points, cloudwatch=cloudwatch, metric=latency, **change)[0] == code


def test_queries_without_what_they_need_are_refused(cloudwatch, latency):
    for queries in (
        [{"Id": "a"}],
        [query(latency, "Sum"), query(latency, "Sum")],
        [{"Id": "1 is no id", "Expression": "x" * 5000}],
    ):
        assert error_of(cloudwatch.get_metric_data, MetricDataQueries=queries, **RANGE)[0] == "ValidationError"


@pytest.mark.parametrize(("period", "is_found"), [(300, True), (60, True), (30, True), (10, False)])
def test_a_start_time_is_rounded_down(cloudwatch, period, is_found):
    """The SageMaker SDKs ask from a job's start, and the job's metric is that of the whole minute."""
    metric = {"Namespace": "Mine", "MetricName": f"metric-{next(_numbers)}"}
    minute = NOW.replace(second=0)
    cloudwatch.put_metric_data(
        Namespace="Mine", MetricData=[{"MetricName": metric["MetricName"], "Value": 1.0, "Timestamp": minute}]
    )
    range_ = {"StartTime": minute + datetime.timedelta(seconds=29), "EndTime": minute + datetime.timedelta(minutes=2)}

    found = points(cloudwatch, metric, **range_, Period=period, Statistics=["Sum"])
    asked = {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}
    (result,) = cloudwatch.get_metric_data(MetricDataQueries=[asked], **range_)["MetricDataResults"]

    assert (bool(found), bool(result["Values"])) == (is_found, is_found)
