import pytest
from botocore.exceptions import ClientError

from include.report.failures import MAX_CHARACTERS, describe_failures, words_of


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("date"), "KeyError: 'date'"),
        (TimeoutError(), "TimeoutError: TimeoutError"),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "You may not."}}, "CreateEndpoint"),
            "An error occurred (AccessDenied) when calling the CreateEndpoint operation: You may not.",
        ),
    ],
)
def test_an_error_in_words(error, words):
    assert words_of(error) == words


def test_a_long_message_is_cut():
    assert len(words_of(ValueError("x" * 5000))) == MAX_CHARACTERS


def test_a_task_without_a_message_was_ended_by_airflow_or_a_person():
    assert describe_failures({"a": "no words", "b": None}).startswith(
        "a: no words; b: it left no message: Airflow ended it"
    )
