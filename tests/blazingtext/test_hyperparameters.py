import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.blazingtext.hyperparameters import HYPERPARAMETERS, epochs_for, recommended, to_request, tuning_ranges
from include.config.errors import ConfigurationError


def test_a_request_names_every_hyperparameter_as_text():
    request = to_request({"epochs": 7, "early_stopping": False})

    assert request["mode"] == "supervised"
    assert request["epochs"] == "7"
    assert request["early_stopping"] == "False"
    assert set(request) == {"mode", *HYPERPARAMETERS}
    assert all(isinstance(value, str) for value in request.values())


def test_what_is_not_chosen_is_the_recommended_value():
    assert to_request({})["learning_rate"] == str(HYPERPARAMETERS["learning_rate"].recommended)


@pytest.mark.parametrize(("tweets", "epochs"), [(0, 20), (400, 20), (2_500, 12), (10_000, 6), (10**7, 3)])
def test_the_epochs_fall_with_the_number_of_tweets_unless_they_are_chosen(tweets, epochs):
    assert epochs_for(tweets) == epochs
    assert to_request({"epochs": None}, tweets)["epochs"] == str(epochs)
    assert to_request({"epochs": 7}, tweets)["epochs"] == "7"


@given(st.sampled_from(sorted(HYPERPARAMETERS)), st.integers(1, 10**6), st.floats(1e-6, 1e3))
def test_what_a_request_says_is_what_the_container_reads(name, integer, number):
    hyperparameter = HYPERPARAMETERS[name]
    value = {"integer": integer, "number": number, "boolean": integer % 2 == 0}[hyperparameter.kind]

    assert hyperparameter.parse(to_request({name: value})[name]) == value


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("epochs", 0, "epochs: 0 is not an integer above 0"),
        ("epochs", 1.5, "epochs: 1.5 is not an integer above 0"),
        ("epochs", True, "epochs: True is not an integer"),
        ("min_count", -1, "min_count: -1 is not an integer of at least 0"),
        ("learning_rate", 0.0, "learning_rate: 0.0 is not a number above 0"),
        ("learning_rate", float("inf"), "learning_rate"),
        ("early_stopping", "True", "early_stopping: 'True' is not True or False"),
        ("mini_batch", 1, "unknown hyperparameter mini_batch; expected one of: epochs"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_it(name, value, message):
    with pytest.raises(ConfigurationError, match=message):
        to_request({name: value})


def test_zero_is_a_minimum_count():
    assert to_request({"min_count": 0})["min_count"] == "0"


def test_tuning_searches_within_blazingtexts_bounds():
    ranges = tuning_ranges()

    found = {entry["Name"]: entry for entries in ranges.values() for entry in entries}
    assert set(found) == {"epochs", "min_count", "learning_rate", "vector_dim", "word_ngrams"}
    assert found["learning_rate"]["ScalingType"] == "Logarithmic"
    for name, entry in found.items():
        low, high = (HYPERPARAMETERS[name].parse(entry[bound]) for bound in ("MinValue", "MaxValue"))
        assert low <= recommended(1_000)[name] <= high
