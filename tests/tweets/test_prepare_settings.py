import pytest

from include.config.errors import ConfigurationError
from include.tweets.prepare_settings import PrepareSettings


@pytest.mark.parametrize(
    "labels", [{"0": "a"}, {"0": "a", "1": "a"}, {"0": "a", "1": "two words"}, {"0": "", "1": "b"}]
)
def test_labels_that_blazingtext_could_not_tell_apart_are_an_error(labels):
    with pytest.raises(ConfigurationError, match="label"):
        PrepareSettings(labels=labels)


@pytest.mark.parametrize("name", ["min_confidence", "max_rejected_share"])
@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_shares_are_between_0_and_1(name, share):
    with pytest.raises(ConfigurationError, match=f"{name} must be between 0 and 1"):
        PrepareSettings(**{name: share})
