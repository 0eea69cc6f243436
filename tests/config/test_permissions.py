"""What to do where AWS refuses a call."""

import json

import pytest

from include.config.permissions import advice
from include.report.failures import MAX_CHARACTERS, words_of

USER = "arn:aws:sts::123456789012:assumed-role/airflow/run"
JOB = "arn:aws:sagemaker:us-east-1:123456789012:training-job/retrain-aws"


@pytest.mark.parametrize("quote", ["", '"'])
def test_the_statement_that_is_missing(quote):
    message = (
        f"An error occurred (AccessDeniedException) when calling the CreateTrainingJob operation: User: {USER} is not "
        f"authorized to perform: sagemaker:CreateTrainingJob on resource: {quote}{JOB}{quote} because no "
        "identity-based policy allows the sagemaker:CreateTrainingJob action"
    )

    words = advice(message)

    assert words.startswith(f"Add this statement to a policy of {USER}: ")
    statement = json.loads(words[words.index("{") : words.index("}") + 1])
    assert statement == {"Effect": "Allow", "Action": "sagemaker:CreateTrainingJob", "Resource": JOB}


def test_an_explicit_deny_is_no_lack_of_a_statement():
    message = f"User: {USER} is not authorized to perform: s3:GetObject on resource: x with an explicit deny in an SCP"

    assert advice(message).startswith(f"A policy of {USER} denies this, whatever others allow.")


def test_a_refused_head_names_nothing_so_the_whole_prefix_is_named(monkeypatch):
    message = "An error occurred (403) when calling the HeadObject operation: Forbidden"
    monkeypatch.setenv("RETRAIN_BUCKET", "tweets")

    assert '"Action": "s3:GetObject", "Resource": "arn:aws:s3:::tweets/twitter-data/*"' in advice(message)
    monkeypatch.delenv("RETRAIN_BUCKET")
    assert '"Action": "s3:ListBucket", "Resource": "*"' in advice(message)


@pytest.mark.parametrize("message", ["", "An error occurred (404) when calling the HeadObject operation", "User: x"])
def test_other_messages_need_no_statement(message):
    assert advice(message) is None


def test_a_long_message_keeps_its_advice():
    words = words_of(
        ValueError("x" * 2 * MAX_CHARACTERS + f" User: {USER} is not authorized to perform: a:B on resource: c")
    )

    assert words.endswith('{"Effect": "Allow", "Action": "a:B", "Resource": "c"} (docs/permissions.md)')
