"""Whatever a template holds, it is read, or refused in CloudFormation's way."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.core.exceptions import ServiceException

from local_aws.cloudformation.stack import Stack, Wanted
from local_aws.cloudformation.template import Template

WORDS = st.sampled_from(
    [
        *("Ref", "Fn::Sub", "Fn::GetAtt", "Fn::If", "Fn::Join", "Fn::Equals", "Fn::Not", "Fn::And", "Condition"),
        *(
            "Type",
            "Properties",
            "DependsOn",
            "Default",
            "AllowedPattern",
            "AWS::SQS::Queue",
            "AWS::Region",
            "A",
            "${A}",
        ),
        *("${A.Arn}", "(", "", "QueueName", "Value", "AllowedValues", "DeletionPolicy"),
    ]
)
VALUES = st.recursive(
    st.one_of(WORDS, st.integers(), st.booleans(), st.none()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
RESOURCE = st.fixed_dictionaries(
    {"Type": st.just("AWS::SQS::Queue")}, optional={"Properties": VALUES, "DependsOn": VALUES}
)
SECTIONS = st.fixed_dictionaries(
    {"Resources": st.one_of(VALUES, st.dictionaries(WORDS, RESOURCE, max_size=3))},
    optional=dict.fromkeys(("Parameters", "Conditions", "Outputs", "Description"), VALUES),
)


def check(body):
    wanted = Wanted(body, {}, [], ["CAPABILITY_IAM"])
    Stack.named("any", "us-east-1", wanted).check(wanted)


@settings(max_examples=50)
@given(SECTIONS)
def test_any_sections_are_checked_without_a_fault(sections):
    try:
        check(json.dumps(sections))
    except ServiceException as refusal:
        assert refusal.message


@given(st.text(st.sampled_from("a: -[]{}!&*'\"|>#\n\t%@`é\x00"), max_size=40))
def test_any_text_is_read_without_a_fault(text):
    try:
        Template.read(text)
    except ServiceException as refusal:
        assert refusal.message


@pytest.mark.parametrize("text", ["a: &a [*a]", "[" * 100_000, "a: &a [1,1]\nb: &b [*a,*a]\n" * 3 + "Resources: *b"])
def test_texts_that_would_fill_the_machine_are_refused(text):
    with pytest.raises(ServiceException):
        Template.read(text)
