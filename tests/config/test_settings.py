import pytest

from include.config.errors import ConfigurationError
from include.config.settings import Settings, poll_seconds, retry_seconds, seconds_before_deferral

COMPLETE = {"RETRAIN_BUCKET": "tweets", "RETRAIN_ROLE_ARN": "arn:aws:iam::123456789012:role/r"}


def test_settings_come_from_the_environment():
    settings = Settings.from_environment({**COMPLETE, "RETRAIN_PREFIX": "/a/b/", "RETRAIN_TRAINING_IMAGE": "image"})

    assert settings == Settings("tweets", COMPLETE["RETRAIN_ROLE_ARN"], "a/b", "image")


def test_what_need_not_be_set_has_a_default():
    assert Settings.from_environment(COMPLETE).prefix == "twitter-data"


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_missing_variable_is_an_error_that_names_it_and_says_what_it_is(name):
    with pytest.raises(ConfigurationError, match=f"{name} is not set: the .* e.g. "):
        Settings.from_environment({**COMPLETE, name: ""})


@pytest.mark.parametrize("prefix", ["/", "a/../b", ".."])
def test_a_prefix_outside_the_bucket_is_an_error(prefix):
    with pytest.raises(ConfigurationError, match="RETRAIN_PREFIX"):
        Settings.from_environment({**COMPLETE, "RETRAIN_PREFIX": prefix})


def test_times_have_defaults_and_may_be_set():
    assert (poll_seconds({}), seconds_before_deferral({}), retry_seconds({"RETRAIN_RETRY_SECONDS": ""})) == (30, 10, 30)
    assert poll_seconds({"RETRAIN_POLL_SECONDS": "0.5"}) == 0.5
    assert seconds_before_deferral({"RETRAIN_SECONDS_BEFORE_DEFERRAL": "0"}) == 0


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_an_interval_that_is_none_is_an_error(text):
    with pytest.raises(ConfigurationError, match=f"RETRAIN_POLL_SECONDS='{text}' is not a positive number of seconds"):
        poll_seconds({"RETRAIN_POLL_SECONDS": text})


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "soon"])
def test_a_time_before_deferral_that_is_none_is_an_error(text):
    with pytest.raises(ConfigurationError, match=f"RETRAIN_SECONDS_BEFORE_DEFERRAL='{text}' is not a number of sec"):
        seconds_before_deferral({"RETRAIN_SECONDS_BEFORE_DEFERRAL": text})
