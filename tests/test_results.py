import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from include.results import Deleted, Deployed, Evaluated, Prepared, Promoted, Registered, Results, Trained, Tuned

TEXTS, NUMBERS = st.text(max_size=10), st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.dictionaries(TEXTS, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS)
"""JSON's, as far as hypothesis cannot tell them from the annotation."""
OF_ANNOTATION = {
    "dict[str, Any]": VALUES,
    "list[dict[str, Any]]": st.lists(VALUES),
    "dict[str, dict[str, Any]]": st.dictionaries(TEXTS, VALUES),
    "float": NUMBERS,
    "list[float]": st.lists(NUMBERS),
    "dict[str, float]": st.dictionaries(TEXTS, NUMBERS),
}
KINDS = (Prepared, Tuned, Trained, Evaluated, Registered, Deployed, Promoted, Deleted)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_result_comes_out_of_airflows_database_as_it_went_in(kind):
    members = {field.name: OF_ANNOTATION[field.type] for field in fields(kind) if field.type in OF_ANNOTATION}

    @given(st.builds(kind, **members))
    def check(result):
        assert kind.from_xcom(json.loads(json.dumps(result.to_xcom()))) == result

    check()


def test_another_value_is_no_result():
    with pytest.raises(ValidationError, match="deleted_at"):
        Deleted.from_xcom({"deleted": [], "left_alone": []})


def test_a_task_without_a_result_counts_as_one_that_has_not_run():
    results = Results.from_xcoms({"delete_endpoint": Deleted([], [], "2026-01-07").to_xcom(), "tune_model": {}, "x": 1})

    assert results == Results(delete_endpoint=Deleted([], [], "2026-01-07"))
    assert set(Results.task_ids()) > {"prepare_dataset", "delete_endpoint"}


@pytest.mark.parametrize(
    ("promoted", "words"),
    [
        (Promoted("live", 2, "created", 2), "live was created, and serves version 2."),
        (Promoted("live", 2, "updated", 2, 1), "live was updated, and serves version 2. Before it served version 1."),
        (Promoted("live", 2, "already live", 2), "live serves version 2 already."),
        (Promoted("live", 2, "rolled back", 1, reason="An alarm."), "An alarm. live serves version 1 now."),
        (
            Promoted("live", 2, "rolled back", None, reason="No."),
            "No. live serves the model of before now.",
        ),
    ],
)
def test_a_promotion_says_what_serves_now(promoted, words):
    assert str(promoted) == words
