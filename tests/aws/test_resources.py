import pytest
from botocore.exceptions import ClientError

from include.aws.resources import ENDPOINT, ENDPOINT_CONFIG, JOBS, MODEL, bill_of, is_owned
from tests.plugins.endpoints import half_deployed

KINDS = [ENDPOINT, ENDPOINT_CONFIG, MODEL, *JOBS]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_what_is_not_there_is_none_and_to_remove_it_is_no_error(sagemaker, kind):
    assert kind.describe(sagemaker, "none") is None
    assert kind.find(sagemaker, "none") is None
    kind.remove(sagemaker, "none")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)
def test_what_could_not_be_removed_is_known_before_it_is_created(sagemaker, kind, order_fault):
    kind.require_removable(sagemaker, "retrain-something")

    verb = "Stop" if kind in JOBS else "Delete"
    order_fault(operation=f"{verb}{kind.request_name}", name="retrain-so*-absent", error="AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        kind.require_removable(sagemaker, "retrain-something")


def test_what_is_there_is_found_with_its_tags_listed_and_removed(sagemaker, model_uri, new_name):
    name = half_deployed(sagemaker, new_name(), model_uri)

    description, tags = ENDPOINT_CONFIG.find(sagemaker, name)
    assert is_owned(sagemaker, ENDPOINT_CONFIG, description, tags)
    assert not is_owned(sagemaker, ENDPOINT_CONFIG, description, {**tags, "other": "tag"})
    assert MODEL.list_names(sagemaker, NameContains=name) == [name]
    MODEL.remove(sagemaker, name)

    assert MODEL.list_names(sagemaker, NameContains=name) == []


def test_what_a_request_asks_for_otherwise_is_named_with_where_it_is():
    description = {"A": {"B": [1, 2]}, "C": "c", "Arn": "not asked for"}

    assert MODEL.differences(description, {"A": {"B": [1, 2]}, "Tags": [{"Key": "k"}]}) == []
    assert MODEL.differences(description, {"A": {"B": [1, 3]}, "C": "d", "D": 1}) == [
        "A.B[1] is 2, not 3",
        "C is 'c', not 'd'",
        "D is None, not 1",
    ]


def test_the_bill_of_an_endpoint_names_its_instances_and_its_age(sagemaker, deployed):
    assert bill_of(sagemaker, ENDPOINT, ENDPOINT.describe(sagemaker, deployed)) == "ml.m5.large, 0.00 h old"
