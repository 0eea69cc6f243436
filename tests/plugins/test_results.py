import pytest
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException

from hashtag_retrain.results import field_of, fields_of, result_if


@pytest.fixture
def produce():
    with DAG("results", schedule=None):

        @task
        def produce():
            return {"request": {"a": 1}, "warnings": [], "text": "{{ ds }}"}

        return produce()


class TaskInstance:
    """Knows the XComs of a run by task and key."""

    def __init__(self, xcoms):
        self.xcoms = xcoms
        self.asked_for = []

    def xcom_pull(self, task_ids, key="return_value", default=None, **_):
        self.asked_for.append(task_ids)
        return self.xcoms.get((task_ids, key), default)


def context(produced):
    return {"ti": TaskInstance({("produce", "return_value"): produced})}


def test_a_field_is_what_the_task_has_returned_and_is_no_template(produce):
    found = context({"request": {"a": 1}, "text": "{{ ds }}"})

    assert field_of(produce, "request")(context=found, jinja_env=None) == {"a": 1}
    assert field_of(produce, "text")(context=found, jinja_env=None) == "{{ ds }}"


def test_some_fields_have_their_names(produce):
    found = context({"request": {"a": 1}, "warnings": [], "text": "x"})

    assert fields_of(produce, "warnings", "text")(context=found, jinja_env=None) == {"warnings": [], "text": "x"}


def test_a_field_that_is_not_there_is_an_error_that_names_it(produce):
    with pytest.raises(KeyError, match="request"):
        field_of(produce, "request")(context=context({}), jinja_env=None)


def test_a_task_without_a_result_is_an_error_that_says_what_to_do(produce):
    with pytest.raises(AirflowFailException, match=r"produce has no result: .+ Clear produce"):
        field_of(produce, "request")(context={"ti": TaskInstance({})}, jinja_env=None)


def test_a_task_asks_once_for_a_result_of_which_several_arguments_are_made(produce):
    found = context({"request": {"a": 1}, "warnings": [], "text": "x"})

    for argument in (field_of(produce, "request"), field_of(produce, "text"), fields_of(produce, "warnings")):
        argument(context=found, jinja_env=None)

    assert found["ti"].asked_for == ["produce"]


def test_a_result_is_asked_for_only_on_its_condition(produce):
    found = context({"text": "x"})

    assert result_if(lambda context, jinja_env: {}, produce)(context=found, jinja_env=None) is None
    assert found["ti"].asked_for == []
    assert result_if(lambda context, jinja_env: {"a": 1}, produce)(context=found, jinja_env=None) == {"text": "x"}
    assert result_if(lambda context, jinja_env: 1, produce)(context={"ti": TaskInstance({})}, jinja_env=None) is None
