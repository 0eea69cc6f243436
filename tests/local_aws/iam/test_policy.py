"""Decisions of policies, by AWS's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.iam.policy import Decision, Permission, PolicyError, decide, fits

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/retrain-aws"


def statement(effect="Allow", action="sagemaker:*", resource="*", **more):
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource, **more}]}


def decision(*documents, action="sagemaker:DeleteEndpoint", resource=ARN, **context):
    keys = {name.replace("_", ":", 1): tuple(values) for name, values in context.items()}
    return decide(documents, Permission(action, resource, keys))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (statement(), Decision.ALLOW),
        (statement(action="SAGEMAKER:deleteendpoint"), Decision.ALLOW),
        (statement(action=["s3:*", "sagemaker:Delete*"]), Decision.ALLOW),
        (statement(action="sagemaker:Delete"), Decision.NOTHING),
        (statement(resource=ARN[:-1] + "?"), Decision.ALLOW),
        (statement(resource=ARN.replace("us-east-1", "*")), Decision.ALLOW),
        (statement(resource=ARN.upper()), Decision.NOTHING),
        ({"Statement": {"Effect": "Allow", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::*"}}, Decision.ALLOW),
        ({"Statement": {"Effect": "Allow", "NotAction": "sagemaker:*", "Resource": "*"}}, Decision.NOTHING),
    ],
)
def test_actions_and_resources(document, expected):
    assert decision(document) is expected


def test_one_deny_outweighs_every_allow():
    assert decision(statement(), statement("Deny", "sagemaker:DeleteEndpoint")) is Decision.DENY
    assert decision(statement(), statement("Deny", "sagemaker:DeleteModel")) is Decision.ALLOW


@pytest.mark.parametrize(
    ("operator", "wanted", "values", "holds"),
    [
        ("StringEquals", "a", ["a"], True),
        ("StringEquals", ["a", "b"], ["b"], True),
        ("StringEquals", "a", ["A"], False),
        ("StringEquals", "a", None, False),
        ("StringEqualsIfExists", "a", None, True),
        ("StringEqualsIfExists", "a", ["b"], False),
        ("StringEqualsIgnoreCase", "a", ["A"], True),
        ("StringNotEquals", "a", ["b"], True),
        ("StringNotEquals", "a", None, True),
        ("StringNotEquals", ["a", "b"], ["b"], False),
        ("StringLike", "x/*", ["x/y"], True),
        ("StringNotLike", "x/*", ["x/y"], False),
        ("ArnLike", "arn:*:role/x", ["arn:aws:iam::1:role/x"], True),
        ("Bool", True, ["true"], True),
        ("Bool", "false", ["true"], False),
        ("NumericLessThanEquals", 5, ["5"], True),
        ("NumericGreaterThan", "5", ["5"], False),
        ("NumericLessThan", "5", ["text"], False),
        ("ForAnyValue:StringNotEquals", "a", None, False),
        ("Null", "true", None, True),
        ("Null", "false", None, False),
        ("Null", "false", ["a"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
        ("ForAllValues:StringEquals", ["a"], None, True),
        ("ForAnyValue:StringEquals", ["a"], ["b", "a"], True),
        ("ForAnyValue:StringEquals", ["a"], None, False),
    ],
)
def test_conditions(operator, wanted, values, holds):
    document = statement(Condition={operator: {"AWS:Key": wanted}})
    context = {} if values is None else {"aws_key": values}

    assert decision(document, **context) is (Decision.ALLOW if holds else Decision.NOTHING)


def test_all_conditions_of_a_statement_must_hold():
    document = statement(Condition={"StringEquals": {"aws:a": "1", "aws:b": "2"}})

    assert decision(document, aws_a=["1"], aws_b=["2"]) is Decision.ALLOW
    assert decision(document, aws_a=["1"], aws_b=["3"]) is Decision.NOTHING


@pytest.mark.parametrize("operator", ["DateLessThan", "IpAddress", "NotAnOperator", "StringNotNotEquals"])
def test_an_operator_that_is_not_evaluated_is_an_error_and_no_permission(operator):
    with pytest.raises(PolicyError, match=operator):
        decision(statement(Condition={operator: {"aws:a": "1"}}), aws_a=["1"])


@given(st.text(), st.text(), st.text())
def test_a_star_fits_anything_and_other_characters_themselves(before, between, after):
    plain = "".join(character for character in before + after if character not in "*?")

    assert fits("*", before)
    assert fits(plain, plain)
    assert fits(f"{plain}*{plain}", f"{plain}{between}{plain}")
    assert not fits(plain, plain + "x")
