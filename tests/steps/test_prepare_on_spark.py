import pytest

from include.config.errors import DataError, NoRows
from include.spark.plan import OUTCOME, REJECTED, Outcome
from include.steps.prepare_on_spark import glue_job, plan_dataset, prepared_dataset
from tests.steps.conftest import LABELS


@pytest.fixture
def planned(run):
    def plan(run_name="run-1", owner="owner", **params):
        params = {**run.params, **params}
        return plan_dataset(run.keys.hashtag, run.keys.date, run_name, owner, {"labels": LABELS}, params)

    return plan


def test_the_same_tweets_and_settings_have_the_same_job_whoever_asks(run, planned):
    first = planned()

    assert planned("run-2", "another", epochs=99).job_name == first.job_name
    run.upload("0,One more tweet")
    assert planned().job_name != first.job_name


def test_without_an_outcome_there_is_no_result(planned):
    assert prepared_dataset(planned()) is None


def test_an_outcome_whose_data_are_gone_is_none(run, planned, storage):
    plan, result = planned(), run.prepare()
    sha256 = dict.fromkeys(("train", "validation"), "0" * 64)
    outcome = Outcome(data_uri=result["data_uri"], sha256=sha256, train_examples=240)
    storage.write_json(outcome.to_json(), plan.folder + OUTCOME)
    assert prepared_dataset(plan)["data_uri"] == result["data_uri"]

    for found in storage.list_objects(storage.key_of(result["data_uri"])):
        storage._client.delete_object(Bucket=storage.bucket, Key=found.key)

    assert prepared_dataset(plan) is None


def test_an_error_is_raised_again_with_the_rejected_rows_beside_this_run(run, planned, storage):
    plan = planned()
    storage.write_bytes(b"rejected", plan.folder + REJECTED)
    storage.write_json(Outcome(error="part-0.csv: too many").to_json(), plan.folder + OUTCOME)
    here = run.keys.run("run-1") + REJECTED

    with pytest.raises(DataError) as error:
        prepared_dataset(plan)

    assert str(error.value) == f"part-0.csv: too many ({storage.uri(here)})"
    assert not isinstance(error.value, NoRows)
    assert storage.exists(here)


def test_files_without_a_row_are_told_apart_from_bad_ones(planned, storage):
    plan = planned()
    storage.write_json(Outcome(error="no rows", is_empty=True).to_json(), plan.folder + OUTCOME)

    with pytest.raises(NoRows, match="no rows"):
        prepared_dataset(plan)


def test_the_job_has_the_plan_the_owner_and_the_role_of_glue_if_there_is_one(run, planned, storage, monkeypatch):
    plan, role = planned(owner="dag/run-1"), "arn:aws:iam::123456789012:role/glue"

    of_training = glue_job(plan)
    monkeypatch.setenv("RETRAIN_GLUE_ROLE_ARN", role)
    of_glue = glue_job(plan)

    assert of_training.role_arn != role == of_glue.role_arn
    assert of_glue.arguments["--OWNER"] == "dag/run-1"
    assert storage.exists(storage.key_of(of_glue.arguments["--PLAN"]))
    assert storage.exists(storage.key_of(of_glue.script))
    assert storage.exists(storage.key_of(of_glue.arguments["--extra-py-files"]))
    assert "--KMS_KEY" not in of_glue.arguments
