import logging

import pytest

from include.config.errors import LiveEndpointError
from include.config.names import live_endpoint_name
from include.config.ownership import DEPLOYMENT
from include.live.retirement import Retirement
from tests.live.promotions import finish, left_of
from tests.plugins.endpoints import tags_of


@pytest.fixture
def retirement(clients, hashtag, settings):
    return lambda: Retirement(clients, hashtag, settings.deployment, logging.getLogger("retirement"))


def test_it_waits_for_an_update_and_then_deletes_everything_and_says_what(
    register, promote, promotion, retirement, clients, hashtag
):
    promote(register("2026-01-01"))
    assert promotion(register("2026-01-02")).poll() is None

    deleted = finish(retirement())

    assert left_of(clients, hashtag) == []
    assert sorted(name.rpartition(" ")[0] for name in deleted) == [
        *["alarm"] * 3,
        "endpoint",
        *["endpoint config"] * 2,
        *["model"] * 2,
    ]
    assert finish(retirement()) == []


def test_another_deployments_is_left_alone(register, promote, retirement, clients, hashtag):
    promote(register("2026-01-01"))
    arn = clients.sagemaker.describe_endpoint(EndpointName=live_endpoint_name(hashtag))["EndpointArn"]
    ours = tags_of(clients.sagemaker, arn)[DEPLOYMENT]
    clients.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEPLOYMENT, "Value": "theirs"}])

    with pytest.raises(LiveEndpointError, match="belongs to another deployment: theirs"):
        finish(retirement())

    clients.sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": DEPLOYMENT, "Value": ours}])
    assert len(left_of(clients, hashtag)) == 6
