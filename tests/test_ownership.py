from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.local_aws.sagemaker.validation import check_request
from include.ownership import DEADLINE, deadline_in, owner_of, ownership_tags


@given(st.text(max_size=300))
def test_an_owner_is_a_tag_value_that_sagemaker_takes(run_id):
    tags = [{"Key": "retrain:owner", "Value": owner_of("retrain_aws", run_id)}]

    check_request("AddTags", {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/x", "Tags": tags})


def test_a_deadline_is_read_back_from_the_tags():
    deadline = datetime(2026, 1, 7, 12, tzinfo=UTC)
    tags = [{"Key": key, "Value": value} for key, value in ownership_tags("me", "test", deadline).items()]

    assert deadline_in(tags) == deadline


@pytest.mark.parametrize("tags", [[], [{"Key": DEADLINE, "Value": "tomorrow"}]])
def test_no_deadline_that_can_be_read_is_none(tags):
    assert deadline_in(tags) is None
