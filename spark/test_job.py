"""The job that prepares a dataset, as Glue runs it: from its package alone."""

import gzip
import json

import pytest

from include.aws.dataset import FILES, PreparedData
from include.aws.s3_stream import S3Object, s3_client
from include.aws.storage import Storage
from include.config.errors import DataError
from include.spark import package
from include.spark.plan import OUTCOME, PLAN, REJECTED, Outcome, Plan, sources_of
from include.tweets.prepare import PrepareSettings, prepare
from include.tweets.sources import Source, ranked
from spark.test_preparation import BIG, rows

BUCKET = "spark"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"


@pytest.fixture
def storage():
    return Storage(s3_client(), BUCKET)


def plan_of(storage, files):
    for name, content in files.items():
        storage.write_bytes(content, f"tweets/{name}")
    found = storage.list_objects("tweets/")
    sources = [
        Source(one.key, S3Object(BUCKET, one.key, one.etag, one.size), size=one.size, modified=one.modified)
        for one in found
        if one.key.removeprefix("tweets/") in files
    ]
    labels = {"labels": {"0": "a", "1": "b"}}
    plan = Plan(BUCKET, "p", "aws", "2026-01-05", labels, sources_of(ranked(sources)), package.digest())
    storage.write_json(plan.to_json(), plan.folder + PLAN)
    return plan


@pytest.fixture
def run_plan(run_glue_job, storage):
    """Runs a plan as a job; returns the run."""
    return lambda plan, **arguments: run_glue_job(
        package.files()[package.SCRIPT].decode(),
        **of_package(storage),
        **{"--PLAN": storage.uri(plan.folder + PLAN)},
        **arguments,
    )


def of_package(storage):
    uris = package.upload(storage, "p")
    return {
        "--extra-py-files": uris[package.ARCHIVE],
        "--additional-python-modules": uris[package.REQUIREMENTS],
        "--python-modules-installer-option": "-r",
    }


def on_one_machine(plan, out):
    error = None
    try:
        prepare(plan.open_sources(), out, PrepareSettings(**plan.preparation), processes=1)
    except DataError as raised:
        error = str(raised)
    return {path.name: path.read_bytes() for path in out.iterdir()}, error


def test_the_job_writes_what_one_machine_writes(run_plan, storage, tmp_path):
    plan = plan_of(storage, {"2026-01-05/a.csv": BIG, "2026-01-05/b.csv.gz": gzip.compress(rows(900, 5).encode())})

    run = run_plan(plan, **{"--KMS_KEY": KEY})

    assert (run["JobRunState"], run.get("ErrorMessage")) == ("SUCCEEDED", None)
    outcome = Outcome.from_json(storage.read_json(plan.folder + OUTCOME))
    data = PreparedData(outcome.data_uri)
    expected, _ = on_one_machine(plan, tmp_path)
    for name, file in FILES.items():
        found = storage.download(storage.key_of(data.file(name)), tmp_path / "found").read_bytes()
        assert found == expected[file], name
        assert key_of(storage, storage.key_of(data.file(name))) == KEY
    assert key_of(storage, plan.folder + OUTCOME) == KEY
    assert outcome.train_examples == expected["train.txt"].count(b"\n")


def key_of(storage, key):
    """Which encrypts an object."""
    return storage._client.head_object(Bucket=BUCKET, Key=key).get("SSEKMSKeyId")


def test_tweets_that_cannot_be_used_are_the_jobs_outcome_and_its_failure(run_plan, storage, tmp_path):
    plan = plan_of(storage, {"2026-01-05/c.csv": rows(500, 1, "0178").encode()})

    run = run_plan(plan)

    expected, message = on_one_machine(plan, tmp_path)
    assert run["JobRunState"] == "FAILED"
    assert message in run["ErrorMessage"]
    assert Outcome.from_json(storage.read_json(plan.folder + OUTCOME)) == Outcome(error=message)
    found = storage.download(plan.folder + REJECTED, tmp_path / "found").read_bytes()
    assert found == expected["rejected.csv"]


def test_a_file_that_has_changed_since_the_plan_fails_the_job_without_an_outcome(run_plan, storage):
    plan = plan_of(storage, {"2026-01-05/d.csv": BIG})
    storage.write_bytes(BIG + b"1,one more\n", "tweets/2026-01-05/d.csv")

    run = run_plan(plan)

    assert run["JobRunState"] == "FAILED"
    assert any("PreconditionFailed" in line for line in run["error"])
    assert not storage.exists(plan.folder + OUTCOME)


def test_files_of_a_folder_are_prepared_without_a_plan(run_glue_job, storage, tmp_path):
    for name, content in {"part-0.csv": rows(900, 5), "part-1.csv": rows(900, 6), "_SUCCESS": ""}.items():
        storage.write_bytes(content.encode(), f"folder/{name}")
        (tmp_path / name).write_text(content)
    settings = {"labels": {"0": "a", "1": "b"}, "seed": 3}
    arguments = {"--INPUT": "s3://spark/folder", "--OUT": "s3://spark/out/", "--SETTINGS": json.dumps(settings)}

    run = run_glue_job(package.files()[package.SCRIPT].decode(), **of_package(storage), **arguments)

    assert (run["JobRunState"], run.get("ErrorMessage")) == ("SUCCEEDED", None)
    sources = [Source.from_path(tmp_path / name, name) for name in ("part-0.csv", "part-1.csv")]
    prepare(sources, tmp_path / "one", PrepareSettings(**settings), processes=1)
    for path in (tmp_path / "one").iterdir():
        assert storage.download(f"out/{path.name}", tmp_path / "found").read_bytes() == path.read_bytes(), path.name
