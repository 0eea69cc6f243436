import pytest

from include.config.errors import ConfigurationError
from include.config.settings import Settings

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
