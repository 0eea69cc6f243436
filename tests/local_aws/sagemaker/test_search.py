from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from local_aws.sagemaker.search import selects

FACTS = {
    "TrainingJobName": "job-1",
    "BillableTimeInSeconds": 40,
    "CreationTime": datetime(2026, 1, 7, tzinfo=UTC),
    "Tags": [{"Key": "team", "Value": "tweets"}],
    "FinalMetricDataList": [{"MetricName": "validation:accuracy", "Value": 0.9}],
}


def where(name: str, operator: str, value: str = "") -> dict:
    return {"Filters": [{"Name": name, "Operator": operator, "Value": value}]}


ONE_OF_TWO = [where("TrainingJobName", "Equals", "x"), where("Tags.Key", "Exists")]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ({}, True),
        (where("TrainingJobName", "Equals", "job-1"), True),
        (where("TrainingJobName", "NotEquals", "job-1"), False),
        (where("TrainingJobName", "Contains", "ob"), True),
        (where("TrainingJobName", "In", "job-0,job-1"), True),
        (where("BillableTimeInSeconds", "GreaterThan", "39.5"), True),
        (where("BillableTimeInSeconds", "LessThanOrEqualTo", "39"), False),
        (where("BillableTimeInSeconds", "Equals", "many"), False),
        (where("CreationTime", "GreaterThanOrEqualTo", "2026-01-07T00:00:00Z"), True),
        (where("CreationTime", "LessThan", "2026-01-07"), False),
        (where("Tags.Key", "Equals", "team"), True),
        (where("Tags.Value", "Equals", "others"), False),
        (where("FinalMetricDataList.Value", "GreaterThan", "0.8"), True),
        (where("FailureReason", "Exists"), False),
        (where("FailureReason", "NotExists"), True),
        (
            {
                "SubExpressions": [where("TrainingJobName", "Equals", "x"), where("Tags.Key", "Exists")],
                "Operator": "Or",
            },
            True,
        ),
        ({"SubExpressions": [where("TrainingJobName", "Equals", "x"), where("Tags.Key", "Exists")]}, False),
    ],
)
def test_an_expression_selects_by_members_tags_and_parts(expression, found):
    assert selects(expression, FACTS) is found


def test_search_finds_a_kind_by_its_members(sagemaker, trained):
    expression = where("TrainingJobName", "Equals", trained["TrainingJobName"])

    (result,) = sagemaker.search(Resource="TrainingJob", SearchExpression=expression)["Results"]

    assert result["TrainingJob"]["TrainingJobStatus"] == "Completed"
    assert sagemaker.search(Resource="Experiment")["Results"] == []


def test_what_search_does_not_have_is_refused_by_name(sagemaker):
    nested = {"NestedFilters": [{"NestedPropertyName": "x", "Filters": [{"Name": "y"}]}]}

    with pytest.raises(ClientError, match="does not support NestedFilters of Search"):
        sagemaker.search(Resource="TrainingJob", SearchExpression=nested)
