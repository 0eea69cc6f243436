import pytest

from include.tweets.formats.ground_truth import label
from include.tweets.rows import BadRow


def metadata(name: str, created: str = "2026-02-01T10:00:00") -> dict:
    return {"class-name": name, "confidence": 0.9, "creation-date": created}


CHAIN = {
    "source": "a",
    "second": 1,
    "second-metadata": metadata("marketing", "2026-02-03T10:00:00"),
    "first": 0,
    "first-metadata": metadata("technical"),
}


def test_of_a_chain_of_jobs_the_newest_label_counts_or_that_of_the_named_job():
    assert label(CHAIN, "", 0.0) == "marketing"
    assert label(CHAIN, "first", 0.0) == "technical"


def test_times_of_different_zones_are_compared_as_times():
    later = {**CHAIN, "first-metadata": metadata("technical", "2026-02-03T11:30:00+01:00")}

    assert label(later, "", 0.0) == "technical"


def test_a_line_without_the_named_job_is_not_labelled():
    with pytest.raises(BadRow, match="no third-metadata, which label_attribute names; found: second, first") as bad:
        label(CHAIN, "third", 0.0)

    assert bad.value.reason == "not_labelled"


def test_two_jobs_of_one_time_cannot_be_told_apart():
    with pytest.raises(BadRow, match="set label_attribute to the name of the right one"):
        label({**CHAIN, "first-metadata": metadata("technical", "2026-02-03T10:00:00")}, "", 0.0)
