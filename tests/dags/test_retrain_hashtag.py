"""The whole DAG against the local AWS, from tweets to a deleted endpoint."""

import json
import sys
import threading
import time
from datetime import timedelta
from typing import Any

import jsonschema
import pytest

from hashtag_retrain.triggers.tweets import TweetsTrigger
from include.aws.notify import notify
from include.config.names import live_endpoint_name
from include.live.promotion import Clients
from include.samples import SAMPLE_DATA
from local_aws.calls import identify
from local_aws.http_server import RequestHandler
from local_aws.sagemaker import resource
from tests.aws.test_company import ALL, KEYS, VPC
from tests.aws.test_notify import remember, told
from tests.dags.runs import *  # noqa: F403 - fixtures
from tests.dags.runs import Run, some_frequent_and_many_rare_words, tweets
from tests.report.test_document import SCHEMA
from tests.users import allow


@pytest.fixture(params=[-1, 1], ids=["a day behind", "a day ahead"])
def aws_clock(request, local_aws, monkeypatch) -> None:
    """AWS's clock, as a worker sees it whose own is wrong by a day."""
    shift, real_now, real_date = timedelta(days=request.param), resource.now, RequestHandler.date_time_string
    for module in [module for name, module in sys.modules.items() if name.startswith("local_aws.")]:
        if getattr(module, "now", None) is real_now:
            monkeypatch.setattr(module, "now", lambda: real_now() + shift)
    monkeypatch.setattr(
        RequestHandler,
        "date_time_string",
        lambda self, timestamp=None: real_date(self, (timestamp or time.time()) + shift.total_seconds()),
    )


def test_a_run_trains_deploys_asks_and_deletes_whatever_the_workers_clock_says(
    aws_clock, run_dag, upload, client, storage, openlineage, monkeypatch
):
    """No second too many is billed, and nobody is told of anything."""
    monkeypatch.setenv("RETRAIN_NOTIFIER", f"{remember.__module__}:{remember.__name__}")
    told.clear()
    upload(tweets(), "2026-01-07")

    run = run_dag("2026-01-07", keep_endpoint_minutes=0.1, early_stopping=True)

    assert (run.state, run.left, told) == ("success", [], [])
    assert {task for task, state in run.tasks.items() if state != "success"} == {"tune_model"}
    report = run.report
    jsonschema.validate(report, SCHEMA)
    assert 0 <= report["cost"]["endpoint_seconds"] < 3600
    assert 0 < report["cost"]["training_seconds"] < 3600
    assert report["decision"]["deploy"] is True
    assert report["registration"]["approval"] == "Approved"
    assert report["training"]["epochs"][0]["epoch"] == 5
    assert run.page.startswith("<!doctype html>")
    assert run.link("evaluate_model") == run.link("record_outcome") == run.page_url
    assert report["evaluation"]["accuracy"] > 0.8
    assert {answer["label"] for answer in report["smoke_test"]} == {"technical", "marketing"}
    assert sorted(report["deletion"]["deleted"]) == sorted(
        [f"endpoint {run.name}", f"endpoint config {run.name}", f"model {run.name}"]
    )
    job = client("sagemaker").describe_training_job(TrainingJobName=report["training"]["training_job_name"])
    assert job["AlgorithmSpecification"]["TrainingImage"].endswith("/blazingtext:1")
    assert job["HyperParameters"]["epochs"] == "10"
    check_events(run)
    check_lineage(run, openlineage())
    check_objects(storage)


def check_objects(storage: Any) -> None:
    """All that a run makes is below its date, where people look for it and delete it."""
    made = {found.key for found in storage.list_objects("") if "/hashtags/" not in found.key}
    assert made
    assert {key for key in made if not key.startswith("twitter-data/marketing-model/aws/2026-01-07/")} == set()


def check_lineage(run: Run, events: list[dict[str, Any]]) -> None:
    """OpenLineage's events lead from the labelled tweets to the model package."""
    ends = {event["job"]["name"].partition(".")[2]: event for event in events if event["eventType"] == "COMPLETE"}
    assert set(ends) == {*run.tasks} - {"tune_model"}  # which was skipped without a process
    read, written = (
        {task: {f"{data['namespace']}/{data['name']}" for data in event.get(kind, [])} for task, event in ends.items()}
        for kind in ("inputs", "outputs")
    )
    report, bucket = run.report, f"s3://{run._storage.bucket}"
    model, evaluation = (
        report["training"]["model_uri"],
        f"{report['files']['report'].rpartition('/')[0]}/evaluation.json",
    )
    package, _, version = report["registration"]["model_package_arn"].partition(":model-package/")
    assert (
        read["wait_for_tweets"]
        == read["prepare_dataset"]
        == {f"{bucket}/twitter-data/hashtags/aws/2026-01-07/labeled.csv"}
    )
    data = run.events["prepared_dataset"][1]["data_uri"]
    channels = {name: {f"{data}{name}"} for name in ("train", "validation", "test")}
    assert written["prepare_dataset"] == set().union(*channels.values())
    assert read["train_model"] == channels["train"] | channels["validation"]
    assert written["train_model"] == read["deploy_endpoint"] == {model}
    assert read["evaluate_model"] == channels["test"] | {model}
    assert written["evaluate_model"] == {evaluation}
    assert read["register_model"] == {model, evaluation}
    assert written["register_model"] == {f"{package}/model-package-group/{version.partition('/')[0]}"}
    assert written["record_outcome"] == {report["files"]["report"]}
    facets = ends["register_model"]["outputs"][0]["facets"]
    assert facets["version"]["datasetVersion"] == str(report["registration"]["version"])
    tags = {tag["key"]: tag["value"] for tag in facets["tags"]["tags"]}
    assert tags["model_package_arn"] == report["registration"]["model_package_arn"]
    assert tags["training_job"] == report["training"]["training_job_name"]


def check_events(run: Run) -> None:
    """Other DAGs learn of everything that the run has made."""
    report, events = run.report, run.events
    assert set(events) == {"prepared_dataset", "model_version", "approved_model", "endpoint", "report"}
    assert {(key, extra["date"]) for key, extra in events.values()} == {("2026-01-07", "2026-01-07")}
    said = {kind: extra for kind, (_, extra) in events.items()}
    assert said["prepared_dataset"]["dates"] == ["2026-01-07"]
    assert said["approved_model"] == said["model_version"]
    figures = {name: report["evaluation"][name] for name in ("accuracy", "accuracy_interval", "majority_accuracy")}
    assert said["model_version"].items() >= {**report["registration"], **figures, "report_url": run.page_url}.items()
    assert said["endpoint"]["endpoint_name"] == run.name
    assert said["endpoint"]["version"] == report["registration"]["version"]
    assert said["report"].items() >= {**figures, "status": "deployed", "report_url": run.page_url}.items()
    champion = said["report"]["champion"]
    assert (champion["version"], champion["date"]) == (report["registration"]["version"], "2026-01-07")


def test_a_run_waits_for_its_tweets_and_the_next_one_trains_nothing_twice(run_dag, upload, storage, monkeypatch):
    serialize = TweetsTrigger.serialize

    def upload_when_deferred(trigger: TweetsTrigger) -> Any:
        threading.Timer(1, upload, [tweets(), "2026-01-07"]).start()
        return serialize(trigger)

    monkeypatch.setattr(TweetsTrigger, "serialize", upload_when_deferred)

    first = run_dag("2026-01-07", deploy="never")
    again = run_dag("2026-01-07", deploy="never")
    other = run_dag("2026-01-07", deploy="never", epochs=11)

    assert {run.state for run in (first, again, other)} == {"success"}
    trained = first.report["training"]
    assert trained["reused"] is False
    assert again.report["training"] == {**trained, "reused": True}
    assert other.report["training"]["training_job_name"] != trained["training_job_name"]

    storage._client.put_object(Bucket=storage.bucket, Key=storage.key_of(trained["model_uri"]), Body=b"damaged")
    damaged = run_dag("2026-01-07")
    assert (damaged.state, damaged.tasks["evaluate_model"], damaged.left) == ("failed", "failed", [])


def test_a_model_that_is_no_better_than_the_majority_is_not_deployed_and_that_is_no_failure(run_dag, upload):
    upload(tweets(noise=True), "2026-01-07")

    run = run_dag("2026-01-07", min_gain=0.3)

    assert run.state == "success"
    assert {run.tasks[task] for task in ("deploy_endpoint", "smoke_test", "hold_endpoint")} == {"skipped"}
    assert run.tasks["delete_endpoint"] == "success"
    assert run.report["outcome"].startswith("Not deployed: accuracy")
    assert run.left == []


def test_a_hundred_labels_go_all_the_way(run_dag, upload, monkeypatch, tmp_path):
    labels = {str(number): f"topic_{number}" for number in range(100)}
    (tmp_path / "hashtags.yaml").write_text(json.dumps({"many": {"labels": labels}}))
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))
    rows = [(str(number % 100), f"{number}a word{number % 100} word{number % 100}") for number in range(4000)]
    upload(rows, "2026-01-07", "many")

    run = run_dag("2026-01-07", "many", word_ngrams=1, epochs=20)

    assert (run.state, set(run.tasks.values()) - {"skipped"}) == ("success", {"success"})
    assert run.report["evaluation"]["accuracy"] > 0.9
    assert len(run.report["evaluation"]["confusion"]) == 100
    assert {answer["label"] for answer in run.report["smoke_test"]} == set(labels.values())
    assert run.left == []


def test_tuning_takes_its_best_job_on_and_never_sees_the_test_split(run_dag, upload, client):
    upload(some_frequent_and_many_rare_words(), "2026-01-07")

    run = run_dag("2026-01-07", tune=True, tuning_jobs=3, deploy="never", epochs=1)

    assert run.state == "success"
    tuning, training = run.report["tuning"], run.report["training"]
    assert training["training_job_name"] == tuning["training_job_name"]
    assert run.report["cost"]["tuning_seconds"] == tuning["billable_seconds"] >= 3
    assert "tuning, 3 training jobs" in run.page
    describe = client("sagemaker").describe_hyper_parameter_tuning_job
    definition = describe(HyperParameterTuningJobName=tuning["tuning_job_name"])["TrainingJobDefinition"]
    channels = [channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in definition["InputDataConfig"]]
    files = run.report["files"]
    assert channels == [files["train"], files["validation"]]
    assert files["test"] not in channels


def test_a_window_trains_on_the_dates_that_exist_and_only_the_newest_date_is_deployed(run_dag, upload):
    for date in ("2026-01-02", "2026-01-05", "2026-01-07"):
        upload(tweets(), date)

    run = run_dag("2026-01-05", window_days=2)

    assert run.report["dates"] == ["2026-01-02", "2026-01-05"]
    assert run.report["data"]["rows"]["read"] == 800
    assert (run.state, run.tasks["deploy_endpoint"]) == ("success", "skipped")
    assert "2026-01-07" in run.report["decision"]["reason"]


def test_the_sample_tweets_train_a_model_that_is_better_than_chance(run_dag, storage):
    for file in (SAMPLE_DATA / "hashtags" / "aws").rglob("part-*.csv"):
        storage.upload(file, f"twitter-data/{file.relative_to(SAMPLE_DATA).as_posix()}")

    run = run_dag("2026-01-07", window_days=7, epochs=None, deploy="never")

    assert run.report["training"]["hyperparameters"]["epochs"] == "20"  # by the number of tweets
    assert "significantly better than the majority baseline" in run.report["evaluation"]["verdicts"][0]


@pytest.fixture
def company(monkeypatch, tmp_path):
    """A company with every rule."""
    (tmp_path / "company.yaml").write_text(json.dumps(ALL))
    monkeypatch.setenv("RETRAIN_COMPANY_RULES", str(tmp_path / "company.yaml"))


@pytest.fixture
def recorded(local_aws, monkeypatch):
    """What is sent to AWS from now on: each call with its request; of S3, with the key that encrypts an object."""
    answer, found = local_aws.application, []

    def record(environment: dict[str, Any], start_response: Any) -> Any:
        call = identify(environment)
        request = environment.get("HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION_AWS_KMS_KEY_ID")
        if call.service in {"sagemaker", "glue"}:
            request = json.loads(environment["wsgi.input"].getvalue() or b"{}")
        found.append((call, request))
        return answer(environment, start_response)

    monkeypatch.setattr(local_aws, "application", record)
    return found


def test_a_companys_rules_are_on_every_request_and_every_call_is_made_with_the_connections_role(
    live, company, run_dag, upload, client, recorded, monkeypatch, airflow_user
):
    allow(client("iam"), airflow_user, "sts:AssumeRole", "arn:aws:iam::123456789012:role/retrain")
    extra = {"role_arn": "arn:aws:iam::123456789012:role/retrain"}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps({"conn_type": "aws", "extra": extra}))
    monkeypatch.setenv("RETRAIN_NOTIFY_TOPIC_ARN", client("sns").create_topic(Name="notices")["TopicArn"])
    upload(tweets(), "2026-01-07", live)
    recorded.clear()

    run = run_dag("2026-01-07", live)
    notify("subject", "message")

    calls = list(recorded)
    assert (run.state, run.left) == ("success", [])
    assert {call.operation for call, _ in calls if call.principal in ("test", airflow_user.access_key)} == {
        "AssumeRole"
    }
    assert {call.service for call, _ in calls} == {"sts", "s3", *Clients.SERVICES, "logs", "sns"}
    created = [(call.operation, request) for call, request in calls if call.operation.startswith("Create")]
    by_operation = {name: [request for operation, request in created if operation == name] for name, _ in created}
    (training,) = by_operation["CreateTrainingJob"]
    assert (training["VpcConfig"], training["EnableNetworkIsolation"]) == (VPC, True)
    assert training["EnableInterContainerTrafficEncryption"] is training["EnableManagedSpotTraining"] is True
    assert training["StoppingCondition"] == {"MaxRuntimeInSeconds": 1200, "MaxWaitTimeInSeconds": 3000}
    assert training["OutputDataConfig"]["KmsKeyId"] == KEYS["output"]
    assert training["ResourceConfig"]["VolumeKmsKeyId"] == KEYS["volume"]
    assert [(model["VpcConfig"], model["EnableNetworkIsolation"]) for model in by_operation["CreateModel"]] == [
        (VPC, True)
    ] * 2
    assert [config["KmsKeyId"] for config in by_operation["CreateEndpointConfig"]] == [KEYS["endpoint"]] * 2
    written = {key for call, key in calls if call.operation in {"PutObject", "CreateMultipartUpload", "CopyObject"}}
    assert written == {KEYS["s3"]}
    tag = {"Key": "cost-center", "Value": "1234"}
    tagged = {name for name, request in created if tag in request.get("Tags", [])}
    assert set(by_operation) - tagged == {"CreateModelPackage"}
    cloudwatch = client("cloudwatch")
    for alarm in cloudwatch.describe_alarms(AlarmNamePrefix=live_endpoint_name(live))["MetricAlarms"]:
        assert tag in cloudwatch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"]
    cost = run.report["cost"]
    job = client("sagemaker").describe_training_job(TrainingJobName=training["TrainingJobName"])
    assert cost["training_seconds"] == job["BillableTimeInSeconds"] <= job["TrainingTimeInSeconds"]
