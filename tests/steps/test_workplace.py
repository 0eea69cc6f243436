import pytest

from include.config.errors import ConfigurationError
from include.steps.workplace import Workplace


def test_it_has_the_environments_bucket_and_the_dates_keys(settings, local_aws):
    place = Workplace.connect("workplace", "2026-01-07")

    assert place.storage.bucket == place.settings.bucket == settings.bucket
    assert place.keys.output == f"{settings.prefix}/marketing-model/workplace/2026-01-07/"
    assert place.registry is place.registry
    assert place.registry.champion() is None


@pytest.mark.parametrize(("hashtag", "date"), [("#aws", "2026-01-07"), ("aws", "2026-02-30")])
def test_a_name_that_is_no_hashtag_or_no_date_is_refused(settings, local_aws, hashtag, date):
    with pytest.raises(ConfigurationError):
        Workplace.connect(hashtag, date)
