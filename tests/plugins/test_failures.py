from types import SimpleNamespace

from hashtag_retrain.failures import REFUSED, note_failure
from include.config.errors import ConfigurationError
from include.report.failures import FAILURE


def xcoms_after(error: Exception) -> dict[str, str]:
    xcoms: dict[str, str] = {}
    note_failure({"ti": SimpleNamespace(xcom_push=lambda key, value: xcoms.update({key: value})), "exception": error})
    return xcoms


def test_a_failed_task_leaves_its_message():
    assert xcoms_after(ValueError("no\nwords")) == {FAILURE: "ValueError: no words"}


def test_a_task_that_a_persons_mistake_has_failed_says_so():
    assert xcoms_after(ConfigurationError("two dates")) == {FAILURE: "two dates", REFUSED: "two dates"}


def test_where_there_is_no_exception_what_the_trigger_has_left_stays():
    note_failure({"ti": None})
