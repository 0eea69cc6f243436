import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.config.errors import ConfigurationError
from include.config.names import (
    MAX_NAME_CHARACTERS,
    Keys,
    check_date,
    check_hashtag,
    model_package_group,
    next_attempt,
    run_name,
    training_job_name,
    tuning_job_name,
)

SAGEMAKER_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")

hashtags = st.from_regex(r"[a-z0-9_]{1,50}", fullmatch=True)


@given(hashtags, st.text(alphabet="0123456789abcdef", min_size=12, max_size=64), st.integers(1, 99))
def test_names_of_training_jobs_are_names_that_sagemaker_takes(hashtag, digest, attempt):
    name = next_attempt(training_job_name(hashtag, "2026-01-07", digest), attempt)

    assert SAGEMAKER_NAME.fullmatch(name)
    assert len(name) <= MAX_NAME_CHARACTERS


@given(hashtags, st.text(min_size=1, max_size=250))
def test_names_of_endpoints_are_names_that_sagemaker_takes(hashtag, run_id):
    name = run_name("bucket/prefix", f"retrain_{hashtag}", run_id)

    assert SAGEMAKER_NAME.fullmatch(name)
    assert len(name) <= MAX_NAME_CHARACTERS


def test_a_run_has_one_name_and_another_run_another():
    name = run_name("bucket/prefix", "retrain_aws", "manual__1")
    assert run_name("bucket/prefix", "retrain_aws", "manual__1") == name
    assert run_name("bucket/prefix", "retrain_aws", "manual__2") != name
    assert run_name("bucket/other", "retrain_aws", "manual__1") != name


@pytest.mark.parametrize("hashtag", ["", "../aws", "aws/..", "AWS", "a" * 51, "#aws", "a b"])
def test_a_hashtag_that_would_escape_its_prefix_is_an_error(hashtag):
    with pytest.raises(ConfigurationError, match="hashtag"):
        check_hashtag(hashtag)
    with pytest.raises(ConfigurationError, match="hashtag"):
        Keys("twitter-data", hashtag, "2026-01-07")


@pytest.mark.parametrize(
    "date", ["", "2026-02-30", "20260107", "2026-1-7", "../2026-01-07", "2026-01-07/..", "2026-W02-3"]
)
def test_a_date_that_would_escape_its_prefix_is_an_error(date):
    with pytest.raises(ConfigurationError, match="calendar date"):
        check_date(date)
    with pytest.raises(ConfigurationError, match="calendar date"):
        Keys("twitter-data", "aws", date)


def test_keys_are_the_ones_that_collectors_rely_on():
    keys = Keys("twitter-data", "aws", "2026-01-07")

    assert keys.tweets == "twitter-data/hashtags/aws/2026-01-07/labeled.csv"
    assert keys.output == "twitter-data/marketing-model/aws/2026-01-07/"
    assert all(key.startswith(keys.output) for key in (keys.data("0" * 64), keys.models, keys.run("retrain-aws-abc")))


@given(st.from_regex(r"[a-z0-9_]{1,50}", fullmatch=True), st.from_regex(r"[a-z0-9_]{1,50}", fullmatch=True))
def test_hashtags_have_groups_of_their_own_with_names_that_sagemaker_takes(one, other):
    group = model_package_group(one)

    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", group)
    assert (group == model_package_group(other)) == (one == other)


@given(st.from_regex(r"[a-z0-9_]{1,50}", fullmatch=True))
def test_tuning_jobs_have_short_names_for_many_attempts(hashtag):
    name = next_attempt(tuning_job_name(hashtag, "0123456789abcdef"), 99)

    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}", name)
