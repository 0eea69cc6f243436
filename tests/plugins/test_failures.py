from types import SimpleNamespace

from hashtag_retrain.failures import note_failure
from include.report.failures import FAILURE


def test_a_failed_task_leaves_its_message():
    xcoms = {}
    task = SimpleNamespace(xcom_push=lambda key, value: xcoms.update({key: value}))

    note_failure({"ti": task, "exception": ValueError("no\nwords")})

    assert xcoms == {FAILURE: "ValueError: no words"}


def test_where_there_is_no_exception_what_the_trigger_has_left_stays():
    note_failure({"ti": None})
