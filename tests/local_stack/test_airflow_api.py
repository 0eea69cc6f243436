import pytest

from local_stack.airflow_api import wait_until
from local_stack.errors import StackError


def test_what_becomes_true_in_time_is_returned():
    answers = iter([None, [], "there"])

    assert wait_until(lambda: next(answers), 10, "the answer", pause=0) == "there"


def test_what_does_not_is_an_error_that_names_it():
    with pytest.raises(StackError, match="the answer: not within 0 s"):
        wait_until(lambda: None, 0, "the answer", pause=0)
