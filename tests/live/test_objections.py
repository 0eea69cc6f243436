from dataclasses import replace

import pytest

from include.config.names import Keys
from include.live.objections import objection_of_person, objection_of_run


@pytest.fixture
def object_to(storage, registry, hashtag):
    """What is objected to a run that would let the live endpoint serve its version."""

    def object_to(version, live_date: str = "") -> str | None:
        return objection_of_run(storage, registry, Keys("twitter-data", hashtag, version.date))(version, live_date)

    return object_to


def test_the_approved_model_of_the_newest_tweets_may_serve(register, object_to):
    register("2026-01-06")

    assert object_to(register("2026-01-07"), live_date="2026-01-06") is None


def test_a_version_that_nobody_has_approved_may_not(register, object_to):
    version = register("2026-01-07", approval="PendingManualApproval")

    assert object_to(version) == (
        f"Version {version.number} is PendingManualApproval in the model registry, and not Approved."
    )


def test_an_older_date_may_not_whether_the_newer_one_has_run_or_not(register, object_to, storage, hashtag):
    version = register("2026-01-07")
    assert "a model of newer tweets (2026-01-08) than this run's (2026-01-07)" in object_to(version, "2026-01-08")

    storage.write_bytes(b"0,text\n", f"{Keys('twitter-data', hashtag, '2026-01-09').tweets}/part-0.csv")

    assert "There are labelled tweets of a newer date (2026-01-09)" in object_to(version)


def test_of_two_approved_versions_the_newer_one_prevails(register, object_to):
    older, newer = register("2026-01-07"), register("2026-01-07")

    assert object_to(older) == f"Version {newer.number} is approved, too, and newer (tweets of 2026-01-07)."
    assert object_to(newer) is None


def test_a_person_may_choose_any_version(register):
    version = replace(register("2026-01-07"), approval="Rejected")

    assert objection_of_person(version, "2026-01-08") is None
