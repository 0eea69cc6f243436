from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.config.ownership import DEADLINE, deadline_in, owner_of, ownership_tags, run_of
from local_aws.sagemaker.validation import check_request


@given(st.text(max_size=300))
def test_an_owner_is_a_tag_value_that_sagemaker_takes(run_id):
    tags = [{"Key": "retrain:owner", "Value": owner_of("retrain_aws", run_id)}]

    check_request("AddTags", {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/x", "Tags": tags})


@given(st.text(max_size=300))
def test_a_run_is_read_back_from_its_owners_tag_or_not_known(run_id):
    assert run_of(owner_of("retrain_aws", run_id)) in {("retrain_aws", run_id), None}


def test_runs_with_airflows_own_ids_are_read_back():
    for run_id in ("scheduled__2026-01-07T00:00:00+00:00", "manual__2026-01-07T00:00:00.123456+00:00_a1B2", "mine.1"):
        assert run_of(owner_of("retrain_aws", run_id)) == ("retrain_aws", run_id)


@given(st.text(max_size=300), st.text(max_size=300))
def test_two_runs_have_two_owners(one, other):
    assert (owner_of("retrain_aws", one) == owner_of("retrain_aws", other)) == (one == other)


def test_a_deadline_is_read_back_from_the_tags():
    deadline = datetime(2026, 1, 7, 12, tzinfo=UTC)

    assert deadline_in(ownership_tags("me", "bucket/prefix", "test", deadline)) == deadline


def test_a_deadline_is_in_utc_whatever_the_time_zone_in_the_tag():
    deadline = deadline_in({DEADLINE: "2026-11-28T03:14:00-05:00"})

    assert deadline.isoformat() == "2026-11-28T08:14:00+00:00"


@pytest.mark.parametrize(
    "tags",
    [{}, {DEADLINE: "tomorrow"}, {DEADLINE: "9999-12-31T23:59:59-05:00"}, {DEADLINE: "0001-01-01T00:00:00+01:00"}],
)
def test_no_deadline_that_can_be_read_is_none(tags):
    assert deadline_in(tags) is None
