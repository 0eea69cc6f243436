from dataclasses import replace
from datetime import UTC, datetime

import pytest

from include.aws.s3_stream import S3Object
from include.spark.plan import Outcome, Plan, sources_of
from include.tweets.sources import Source

SOURCE = Source("a.csv", S3Object("b", "p/a.csv", '"1"', 7), 2, 7, datetime(2026, 1, 5, tzinfo=UTC))
PLAN = Plan("b", "p", "aws", "2026-01-05", {"labels": {"0": "x", "1": "y"}}, sources_of([SOURCE]), "code")


def test_a_plan_travels_as_json_with_its_sources():
    found = Plan.from_json(PLAN.to_json())

    assert found == PLAN
    assert found.open_sources() == [SOURCE]
    assert found.folder == f"p/marketing-model/aws/2026-01-05/prepare/{PLAN.fingerprint[:16]}/"


@pytest.mark.parametrize(
    "change",
    [
        {"code": "other"},
        {"preparation": {"labels": {"0": "x", "1": "z"}}},
        {"sources": [{**PLAN.sources[0], "etag": '"2"'}]},
        {"sources": [{**PLAN.sources[0], "rank": 3}]},
        {"date": "2026-01-06"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_plan_has_another_fingerprint(change):
    assert replace(PLAN, **change).fingerprint != PLAN.fingerprint


def test_an_outcome_travels_as_json():
    outcome = Outcome("s3://b/data/", {"train": "0"}, 3, ["w"], ["n"])

    assert Outcome.from_json(outcome.to_json()) == outcome
