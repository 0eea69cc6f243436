"""Through the doors that people use: the REST API, the command line, the scheduler."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from rich.console import Console

from hashtag_retrain.operators.hold import MINUTES
from hashtag_retrain.pools import TRAINING_POOL
from hashtag_retrain.triggers.endpoint import DELETE, KEEP
from include.config.names import Keys, run_name
from include.config.settings import Settings
from include.samples import SAMPLE_DATA
from local_stack.airflow_api import AirflowApi, wait_until
from local_stack.demo import DAG_ID, DATE, run_pipeline
from local_stack.errors import StackError
from local_stack.processes import open_to_others, tree
from local_stack.settings import StackSettings
from local_stack.stack import LocalStack
from tests.conftest import REPOSITORY
from tests.end_to_end.conftest import QUEUE, client_of
from tests.end_to_end.dags.deferrals import OF_EACH_KIND
from tests.end_to_end.stalls import DAG_ID as DEFERRALS
from tests.end_to_end.stalls import KINDS, ROUND, attend, deferrals, make_endpoints, make_model, stall

SECONDS = 240
pytestmark = pytest.mark.timeout(900)  # on a slow machine, with the stack's start or end


def ended(airflow, run_id: str, dag_id: str = DAG_ID) -> str:
    states = {"success", "failed"}
    return wait_until(
        lambda: state if (state := airflow.run_state(dag_id, run_id)) in states else None,
        SECONDS,
        f"the end of {run_id}",
    )


def waits(airflow, run_id: str, task_id: str, dag_id: str = DAG_ID) -> None:
    wait_until(
        lambda: airflow.tasks(dag_id, run_id).get(task_id, {}).get("state") == "deferred",
        SECONDS,
        f"{task_id} deferred",
    )


def states_of(airflow, run_id: str, dag_id: str = DAG_ID) -> dict[str, str]:
    return {task_id: task["state"] for task_id, task in airflow.tasks(dag_id, run_id).items()}


def log_of(stack, run_id: str, task_id: str, dag_id: str = DAG_ID) -> str:
    logs = stack.settings.home.glob(f"logs/dag_id={dag_id}/run_id={run_id}/**/*.log")
    return "".join(path.read_text() for path in logs if f"task_id={task_id}" in str(path))


@pytest.fixture(scope="module")
def held(stack) -> dict[str, str]:
    """
    Runs whose endpoints are held, by what a person will do with them. They are started at once, with the parameters of
    the first run, so that nothing is trained again.
    """
    airflow = AirflowApi(stack.settings.airflow_url)
    parameters = {"date": DATE, "keep_endpoint_minutes": 600}
    now = datetime.now(UTC).isoformat()
    return {
        # As the form triggers it: with the logical date of now, and without a date. DATE is the newest one.
        "answer": airflow.trigger(DAG_ID, {"keep_endpoint_minutes": 600}, logical_date=now),
        "mark the run": airflow.trigger(DAG_ID, {**parameters, "deploy": "always"}),
        "mark a task": airflow.trigger(DAG_ID, {**parameters, "deploy": "always"}),
    }


def name_of(stack, dag_id: str, run_id: str) -> str:
    return run_name(Settings.from_environment(stack.environment).deployment, dag_id, run_id)


def test_a_run_triggered_over_rest_ends_well_and_leaves_nothing(stack, sagemaker):
    console = Console(record=True, width=200)

    assert run_pipeline(stack, console)

    shown = console.export_text()
    for task in ("prepare_dataset", "train_model", "smoke_test", "delete_endpoint"):
        assert task in shown
    assert "584 rows read, 568 used (duplicates among them: 0), 16 rejected (label_tie 16)" in shown
    assert "Tweets per split: train 451, validation 65, test 52" in shown
    assert "which the accuracy leaves out: 1" in shown
    assert "significantly better than the majority baseline" in shown
    assert "deleted 20" in shown
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []
    logs = [path.read_text(errors="replace") for path in stack.settings.home.glob(f"logs/dag_id={DAG_ID}/**/*.log")]
    assert len(logs) >= 10
    assert not [log for log in logs if "Traceback" in log or "error calling listener" in log]


def test_another_teams_dag_starts_at_a_newly_approved_model(stack, airflow):
    run = wait_until(
        lambda: next((run for run in airflow.runs("use_approved_model") if run["partition_key"] == DATE), None),
        SECONDS,
        "its run",
    )

    assert ended(airflow, run["dag_run_id"], "use_approved_model") == "success"
    log = log_of(stack, run["dag_run_id"], "tell", "use_approved_model")
    assert re.search(rf"{DATE}: version 1, accuracy 9\d\.\d%", log)


def starts_early(airflow, date: str) -> dict:
    """The run of start_early that an event starts."""
    before = len(airflow.runs("start_early"))
    airflow.asset_event("retrain_early.labelled_tweets", date)
    return wait_until(lambda: airflow.runs("start_early")[: -before or None], SECONDS, "a run of start_early")[0]


def test_a_date_whose_tweets_arrive_gets_one_run_at_once_in_the_place_of_the_scheduled_one(stack, airflow):
    """It runs again if it has found no tweets, as after the first event here, and not if it has, good or bad."""
    run_id, ends = "tweets_arrived__2026-01-05", []
    for number in range(3):
        started = starts_early(airflow, "2026-01-05")
        assert ended(airflow, started["dag_run_id"], "start_early") == "success"
        ends.append((ended(airflow, run_id, "retrain_early"), states_of(airflow, run_id, "retrain_early")))
        if number == 0:
            key = "twitter-data/hashtags/early/2026-01-05/labeled.csv/part-0.csv"
            client_of(stack, "s3").put_object(Bucket=stack.settings.bucket, Key=key, Body=b"0,too few\n")

    assert [(end, states["wait_for_tweets"]) for end, states in ends] == [
        ("success", "skipped"),
        ("failed", "success"),
        ("failed", "success"),
    ]
    assert states_of(airflow, started["dag_run_id"], "start_early")["start_run"] == "skipped"
    (run,) = [run for run in airflow.runs("retrain_early") if run["logical_date"] == "2026-01-05T00:00:00Z"]
    assert run["dag_run_id"] == run_id
    assert (run["data_interval_start"], run["data_interval_end"]) == ("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z")


def test_events_of_one_date_at_once_start_its_run_once(stack, airflow):
    """The first event finds no tweets, so that the next ones would clear its run. A second clear would interrupt it."""
    date, run_id = "2026-01-04", "tweets_arrived__2026-01-04"
    starts_early(airflow, date)
    wait_until(lambda: run_id in {run["dag_run_id"] for run in airflow.runs("retrain_early")}, SECONDS, run_id)
    assert ended(airflow, run_id, "retrain_early") == "success"
    key = f"twitter-data/hashtags/early/{date}/labeled.csv/part-0.csv"
    client_of(stack, "s3").put_object(Bucket=stack.settings.bucket, Key=key, Body=b"0,too few\n")

    before = len(airflow.runs("start_early"))
    for _ in range(4):
        airflow.asset_event("retrain_early.labelled_tweets", date)
        time.sleep(0.8)
    wait_until(lambda: len(airflow.runs("start_early")) >= before + 2, SECONDS, "two runs of start_early")
    for run in airflow.runs("start_early")[: -before or None]:
        assert ended(airflow, run["dag_run_id"], "start_early") == "success"
    assert ended(airflow, run_id, "retrain_early") == "failed"
    assert airflow.tasks("retrain_early", run_id)["wait_for_tweets"]["try_number"] == 2


def test_a_refused_run_that_has_the_place_of_a_date_is_told_at_an_event(stack, airflow):
    date = "2026-01-03"
    refused = airflow.trigger("retrain_early", {"date": "2026-01-02"}, logical_date=f"{date}T00:00:00Z")
    assert ended(airflow, refused, "retrain_early") == "failed"

    started = starts_early(airflow, date)

    assert ended(airflow, started["dag_run_id"], "start_early") == "failed"
    log = log_of(stack, started["dag_run_id"], "runs_to_start", "start_early")
    assert f"the run {refused} has the place of {date}, and was refused: The run's logical date says {date}" in log
    assert airflow.tasks("retrain_early", refused)["wait_for_tweets"]["try_number"] == 1
    airflow.delete_run("retrain_early", refused)
    assert ended(airflow, starts_early(airflow, date)["dag_run_id"], "start_early") == "success"
    assert ended(airflow, f"tweets_arrived__{date}", "retrain_early") == "success"


def test_s3_itself_starts_the_run_of_a_date_whose_tweets_arrive(stack, airflow):
    s3, bucket = client_of(stack, "s3"), stack.settings.bucket
    target = {"QueueArn": f"arn:aws:sqs:us-east-1:123456789012:{QUEUE}", "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [target]})
    s3.put_object(Bucket=bucket, Key="twitter-data/hashtags/early/2026-01-06/labeled.csv/_SUCCESS", Body=b"")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})

    run_id = "tweets_arrived__2026-01-06"
    wait_until(lambda: run_id in {run["dag_run_id"] for run in airflow.runs("retrain_early")}, SECONDS, run_id)

    assert ended(airflow, run_id, "retrain_early") == "success"
    assert states_of(airflow, run_id, "retrain_early")["wait_for_tweets"] == "skipped"


def test_a_run_triggered_in_the_form_has_its_date_in_its_id_and_all_its_tasks(airflow):
    form = {"dag_run_id": None, "logical_date": datetime.now(UTC).isoformat()}
    run_id = airflow.trigger("retrain_slow", {"date": "2026-01-06"}, **form)

    assert run_id.startswith("manual__2026-01-06__triggered_")
    wait_until(lambda: "record_outcome" in airflow.tasks("retrain_slow", run_id), 60, "its tasks")


def test_somebody_is_told_of_a_daily_run_that_is_late(stack, pages):
    """Airflow's own deadline alert, through the executor, to the notifier in the environment."""
    late = wait_until(
        lambda: [page for page in pages() if page[0].startswith("#slow") and "is late" in page[0]], SECONDS, "a page"
    )

    assert late[0][0].endswith("the run is late.")
    assert re.search(rf"{stack.settings.airflow_url}/dags/retrain_slow/runs/scheduled__\d{{4}}-\d\d-\d\d$", late[0][1])


def test_a_conf_key_that_is_no_parameter_fails_the_run_and_one_notice_says_why(airflow, pages):
    run_id = airflow.trigger(DAG_ID, {"date": DATE, "keep_endpoint_minute": 5})

    assert ended(airflow, run_id) == "failed"

    wait_until(lambda: [page for page in pages() if quote(run_id) in page[1]], SECONDS, "a page about the run")
    ((subject, message),) = [page for page in pages() if quote(run_id) in page[1]]
    assert subject == f"#aws {DATE}: Failed at wait_for_tweets."
    assert "unknown parameter keep_endpoint_minute (did you mean keep_endpoint_minutes?)" in message
    assert airflow.tasks(DAG_ID, run_id)["wait_for_tweets"]["try_number"] == 1


def test_of_a_run_whose_report_cannot_be_written_one_notice_says_why_it_failed(stack, airflow, pages):
    run_id = airflow.trigger("retrain_slow", {"date": "2026-01-01"})
    waits(airflow, run_id, "wait_for_tweets", "retrain_slow")
    faults = f"{stack.settings.local_aws_url}/_local/faults"
    requests.post(faults, json={"operation": "s3:PutObject", "error": "AccessDenied", "times": None}, timeout=10)
    airflow.task_state("retrain_slow", run_id, "wait_for_tweets", "failed")

    assert ended(airflow, run_id, "retrain_slow") == "failed"

    requests.delete(faults, timeout=10)
    wait_until(lambda: [page for page in pages() if quote(run_id) in page[1]], SECONDS, "a page about the run")
    ((subject, message),) = [page for page in pages() if quote(run_id) in page[1]]
    assert subject == "#slow 2026-01-01: the run failed."
    assert "wait_for_tweets: it left no message: Airflow ended it" in message
    assert re.search(
        r"record_outcome: An error occurred \(AccessDenied\) when calling the PutObject operation", message
    )
    assert message.endswith(f"/dags/retrain_slow/runs/{quote(run_id)}")


def test_readmes_way_to_ones_own_tweets_and_to_the_endpoint(stack, airflow, sagemaker, tmp_path, held):
    """The commands and the program as README has them, with the names of this run, while other runs go on."""
    readme = (REPOSITORY / "README.md").read_text()
    sample = SAMPLE_DATA / "hashtags" / "aws" / DATE / "labeled.csv" / "part-00000.csv"
    (tmp_path / "my-tweets.csv").write_bytes(sample.read_bytes())
    environment = {**stack.environment, "LOCAL_STACK_HOME": str(stack.settings.home)}

    def run(command: str, **names: str) -> subprocess.CompletedProcess[str]:
        assert command in readme
        for ours, theirs in names.items():
            command = command.replace(ours, theirs)
        words = [str(tmp_path / word) if word.startswith("my-") else word for word in shlex.split(command)]
        assert words.pop(0) == ".venv/bin/python"
        return subprocess.run(
            [sys.executable, *words], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
        )

    run(".venv/bin/python -m local_stack upload cloud 2026-01-07 my-tweets.csv", cloud="early")
    conf = """'{"date": "2026-01-07", "deploy": "always"}'"""
    triggered = run(f".venv/bin/python -m local_stack dags trigger retrain_cloud --conf {conf}", cloud="early")
    assert "graphviz" not in triggered.stdout + triggered.stderr
    (run_id,) = [run["dag_run_id"] for run in airflow.runs("retrain_early") if run["dag_run_id"].startswith("manual__")]
    waits(airflow, run_id, "hold_endpoint", "retrain_early")

    ((exports, program, command),) = re.findall(
        r"```\n(export AWS_.*?)```.*?```python\n(.*?)```.*?```\n(echo .*?)```", readme, re.DOTALL
    )
    exports = exports.replace("retrain-cloud-0123456789ab", name_of(stack, "retrain_early", run_id))
    exports = exports.replace("http://127.0.0.1:4566", stack.settings.local_aws_url)
    command = re.sub(r"\w+\.json", lambda name: str(tmp_path / name[0]), command)
    bin_folder = Path(sys.executable).parent
    answered = subprocess.run(
        ["sh", "-ec", f"{exports}{command}{bin_folder / 'python'} -c {shlex.quote(program)}"],
        cwd=REPOSITORY,
        env={"PATH": f"{bin_folder}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "__label__technical" in answered.stdout
    assert "__label__" in (tmp_path / "answer.json").read_text()

    mark_and_check(stack, airflow, sagemaker, "retrain_early", run_id, "success")


def test_the_page_of_all_hashtags_shows_a_held_endpoint_and_its_question(stack, airflow, held):
    waits(airflow, held["answer"], "hold_endpoint")
    name = name_of(stack, DAG_ID, held["answer"])

    page = requests.get(f"{stack.settings.airflow_url}/hashtags/", timeout=SECONDS).text

    assert re.search(rf"{name}</a> \(<a [^>]+>run</a>,\s+version \d+\): in service\.\s+Deadline 20", page)
    assert "min of ml.m5.large." in page
    assert f"Keep endpoint {name} longer, or delete it now?" in page


def test_a_person_keeps_an_endpoint_clears_the_task_then_has_it_deleted_and_a_late_answer_is_refused(
    stack, airflow, sagemaker, held
):
    run_id = held["answer"]
    waits(airflow, run_id, "hold_endpoint")
    endpoint = {"NameContains": name_of(stack, DAG_ID, run_id)}
    assert len(sagemaker.list_endpoints(StatusEquals="InService", **endpoint)["Endpoints"]) == 1
    first_log = log_of(stack, run_id, "wait_for_tweets")
    assert f"This run is about the tweets of {DATE}." in first_log
    assert "keep_endpoint_minutes: 600 (from the run's configuration)" in first_log

    airflow.answer(DAG_ID, run_id, "hold_endpoint", KEEP, {MINUTES: 99_999})
    wait_until(
        lambda: not airflow.question(DAG_ID, run_id, "hold_endpoint")["response_received"], SECONDS, "the next question"
    )
    waits(airflow, run_id, "hold_endpoint")
    assert airflow.tasks(DAG_ID, run_id)["hold_endpoint"]["try_number"] == 1
    airflow.clear(DAG_ID, run_id, ["hold_endpoint"])
    wait_until(lambda: airflow.tasks(DAG_ID, run_id)["hold_endpoint"]["try_number"] == 2, SECONDS, "another try")
    waits(airflow, run_id, "hold_endpoint")
    assert len(sagemaker.list_endpoints(StatusEquals="InService", **endpoint)["Endpoints"]) == 1
    airflow.answer(DAG_ID, run_id, "hold_endpoint", DELETE, {MINUTES: 60})

    assert ended(airflow, run_id) == "success"
    assert sagemaker.list_endpoints(**endpoint)["Endpoints"] == []
    with pytest.raises(StackError, match="already been updated"):
        airflow.answer(DAG_ID, run_id, "hold_endpoint", KEEP, {MINUTES: 60})
    log = log_of(stack, run_id, "hold_endpoint")
    assert "for 99999 minutes. Possible are 0 to 10080 minutes from now on. The deadline does not change." in log

    airflow.clear(DAG_ID, run_id, ["hold_endpoint"])  # of an endpoint that is gone
    wait_until(lambda: airflow.run_state(DAG_ID, run_id) not in {"success", "failed"}, SECONDS, "the run to go on")
    assert ended(airflow, run_id) == "success"


def mark_and_check(stack, airflow, sagemaker, dag_id: str, run_id: str, state: str) -> None:
    """A whole run that is marked while its endpoint is held: that goes at once, and the state stays."""
    name = name_of(stack, dag_id, run_id)
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"

    airflow.mark_run(dag_id, run_id, state)

    wait_until(lambda: not sagemaker.list_endpoints(NameContains=name)["Endpoints"], 60, "the endpoint's deletion")
    wait_until(
        lambda: states_of(airflow, run_id, dag_id)["record_outcome"] in {"failed", "success"}, SECONDS, "the outcome"
    )
    assert states_of(airflow, run_id, dag_id)["delete_endpoint"] == "success"
    assert ended(airflow, run_id, dag_id) == state


def test_whatever_people_mark_the_endpoint_goes_and_the_run_tells_the_truth(stack, airflow, sagemaker, held):
    """Of one run a task is marked; one is marked while it holds its endpoint, and one while it tunes."""
    marked, marked_task = held["mark the run"], held["mark a task"]
    tuning = airflow.trigger(DAG_ID, {"date": DATE, "deploy": "always", "tune": True, "tuning_jobs": 60})
    waits(airflow, tuning, "tune_model")
    trigger_log = f"logs/dag_id={DAG_ID}/run_id={tuning}/task_id=tune_model/*.trigger.*.log"
    wait_until(lambda: any(stack.settings.home.glob(trigger_log)), 60, "the trigger's start")
    airflow.mark_run(DAG_ID, tuning, "failed")
    waits(airflow, marked_task, "hold_endpoint")
    airflow.task_state(DAG_ID, marked_task, "hold_endpoint", "failed")
    waits(airflow, marked, "hold_endpoint")
    mark_and_check(stack, airflow, sagemaker, DAG_ID, marked, "failed")

    assert [ended(airflow, run_id) for run_id in (marked_task, tuning)] == ["failed", "failed"]
    assert sagemaker.list_endpoints(NameContains="retrain-aws")["Endpoints"] == []
    jobs = sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"]
    assert {job["HyperParameterTuningJobStatus"] for job in jobs} <= {"Stopped", "Stopping"}


def test_a_live_endpoint_that_nobody_wants_is_asked_about_once_and_turned_off(
    stack, airflow, sagemaker, pages, tmp_path
):
    """It was made while the hashtags file had live: true, which the stack's file has not."""
    (tmp_path / "hashtags.yaml").write_text('aws: {labels: {"0": technical, "1": marketing}, live: true}')
    environment = {**stack.environment, "RETRAIN_HASHTAGS_FILE": str(tmp_path / "hashtags.yaml")}
    command = [sys.executable, "-m", "include.cli", "live", "aws", "--serve", "1"]
    subprocess.run(command, cwd=REPOSITORY, env=environment, check=True)

    for _ in range(2):
        assert ended(airflow, airflow.trigger("sweep_endpoints", {}), "sweep_endpoints") == "success"

    (run,) = airflow.runs("live_endpoint")
    run_id = run["dag_run_id"]
    assert run_id.startswith("unwanted__aws__")
    wait_until(
        lambda: states_of(airflow, run_id, "live_endpoint").get("ask_person") == "awaiting_input", SECONDS, "a question"
    )
    question = airflow.question("live_endpoint", run_id, "ask_person")
    assert question["subject"] == "#aws has a live endpoint that nobody wants, and AWS bills it"
    assert "retrain-aws-live (version 1, InService)" in question["body"]
    assert [subject for subject, _ in pages() if "nobody wants" in subject] == [
        "#aws: nobody wants the live endpoint, and AWS bills it."
    ]

    airflow.answer("live_endpoint", run_id, "ask_person", "Turn it off", {})

    assert ended(airflow, run_id, "live_endpoint") == "success"
    assert sagemaker.list_endpoints(NameContains="-live")["Endpoints"] == []
    assert client_of(stack, "cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_a_backfill_from_the_ui_trains_the_dates_that_have_data_and_deploys_the_newest(stack, airflow, sagemaker):
    """
    While the DAG is unpaused and scheduled. Four dates, of which the first has a file without tweets. The form sends
    the parameters with the behaviour to reprocess what failed.
    """
    settings = Settings.from_environment(stack.environment)
    empty = Keys(settings.prefix, "azure", "2026-01-04").tweets + "/part-00000.csv"
    s3 = client_of(stack, "s3")
    s3.put_object(Bucket=settings.bucket, Key=empty, Body=b"label,text\n")
    for date in ("2026-01-05", "2026-01-06", "2026-01-07"):  # azure's own sample tweets are too few to deploy
        more = Keys(settings.prefix, "azure", date).tweets + "/part-00001.csv"
        sample = SAMPLE_DATA / "hashtags" / "aws" / date / "labeled.csv" / "part-00000.csv"
        s3.put_object(Bucket=settings.bucket, Key=more, Body=sample.read_bytes())
    airflow.set_pool(TRAINING_POOL, 2)
    airflow.backfill(
        "retrain_azure",
        "2026-01-04",
        "2026-01-07",
        max_active_runs=4,
        reprocess_behavior="failed",
        dag_run_conf={"keep_endpoint_minutes": 0.01, "epochs": 10},
    )

    runs = wait_until(lambda: backfilled(airflow, "retrain_azure", 4), 400, "four backfilled runs")

    outcomes = {}
    for run in runs:
        tasks = airflow.tasks("retrain_azure", run["dag_run_id"])
        states = {task_id: task["state"] for task_id, task in tasks.items()}
        assert run["state"] == "success", states
        assert run["dag_run_id"] == f"backfill__{run['logical_date'][:10]}T00:00:00+00:00"
        outcomes[run["logical_date"][:10]] = (states["train_model"], states["deploy_endpoint"])
    assert outcomes == {
        "2026-01-04": ("skipped", "skipped"),
        "2026-01-05": ("success", "skipped"),
        "2026-01-06": ("success", "skipped"),
        "2026-01-07": ("success", "success"),
    }
    assert sagemaker.list_endpoints(NameContains="azure")["Endpoints"] == []
    assert trained_at_once(sagemaker) <= 2  # three dates' runs at once, and a pool with two slots


def test_a_backfill_on_the_command_line_makes_its_runs(stack, airflow):
    command = [sys.executable, "-m", "airflow", "backfill", "create", "--dag-id=retrain_slow"]
    command += ["--from-date", "2026-01-01", "--to-date", "2026-01-02"]

    done = subprocess.run(command, cwd=REPOSITORY, env=stack.environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    runs = wait_until(lambda: backfilled(airflow, "retrain_slow", 2), SECONDS, "two backfilled runs")
    assert {run["state"] for run in runs} == {"success"}  # dates without tweets are skipped
    assert {run["dag_run_id"][:20] for run in runs} == {"backfill__2026-01-01", "backfill__2026-01-02"}


def test_no_backfilled_date_is_late_for_having_passed(stack):
    with stack.postgres.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT run_type FROM deadline JOIN dag_run ON dag_run.id = deadline.dagrun_id")
        assert {run_type for (run_type,) in cursor.fetchall()} <= {"scheduled"}


def backfilled(airflow, dag_id: str, count: int) -> list[dict] | None:
    """The backfill's runs, when they have ended."""
    runs = [run for run in airflow.runs(dag_id) if run["run_type"] == "backfill"]
    return runs if len(runs) == count and all(run["state"] in {"success", "failed"} for run in runs) else None


def trained_at_once(sagemaker) -> int:
    """How many training jobs there were at most at the same time."""
    names = [
        job["TrainingJobName"] for job in sagemaker.list_training_jobs(NameContains="azure")["TrainingJobSummaries"]
    ]
    jobs = [sagemaker.describe_training_job(TrainingJobName=name) for name in names]
    spans = [(job["CreationTime"], job["TrainingEndTime"]) for job in jobs]
    return max(sum(start <= moment < end for start, end in spans) for moment, _ in spans)


def test_of_no_failed_run_somebody_was_told_twice(airflow, pages):
    runs = [(dag_id, run) for dag_id in (DAG_ID, "retrain_slow") for run in airflow.runs(dag_id)]
    failed = [f"/dags/{dag_id}/runs/{quote(run['dag_run_id'])}" for dag_id, run in runs if run["state"] == "failed"]
    messages = [message for subject, message in pages() if "is late" not in subject]

    assert len(failed) >= 4
    for path in failed:
        assert len([message for message in messages if path in message]) <= 1


def test_clearing_only_the_failed_tasks_after_a_failed_deployment_leaves_no_endpoint(airflow, stack, sagemaker, held):
    """delete_endpoint has succeeded already, so it is not cleared, and would delete nothing."""
    run_id = held["mark a task"]  # it has ended
    airflow.task_state(DAG_ID, run_id, "deploy_endpoint", "failed")

    airflow.clear_failed(DAG_ID, run_id)
    wait_until(lambda: airflow.run_state(DAG_ID, run_id) not in {"success", "failed"}, SECONDS, "the run to go on")

    assert ended(airflow, run_id) == "failed"
    assert "Clear deploy_endpoint with its downstream tasks" in log_of(stack, run_id, "deploy_endpoint")
    assert sagemaker.list_endpoints(NameContains=name_of(stack, DAG_ID, run_id))["Endpoints"] == []
    assert states_of(airflow, run_id)["record_outcome"] == "failed"


@pytest.mark.parametrize("path", ["/", "/auth/token", "/api/v2/version", "/execution/health"])
def test_airflow_answers_under_its_own_names_only(stack, path):
    """A web page whose name resolves to 127.0.0.1 sends its own name as Host."""
    url = f"{stack.settings.airflow_url}{path}"

    assert (
        requests.get(url, headers={"Host": f"evil.example:{stack.settings.airflow_port}"}, timeout=10).status_code
        == 400
    )
    assert requests.get(url, headers={"Host": "localhost"}, timeout=10).status_code != 400


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_a_page_whose_name_resolves_to_this_machine_gets_nothing(stack, tmp_path):
    """DNS rebinding, in a browser whose checks of private networks are off."""

    def seen(url: str) -> str:
        done = subprocess.run(
            [
                "chromium",
                "--headless=new",
                "--no-sandbox",
                "--disable-web-security",
                "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
                "--host-resolver-rules=MAP rebound.example 127.0.0.1",
                f"--user-data-dir={tmp_path}",
                "--dump-dom",
                url,
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.stdout

    assert '"version"' in seen(f"{stack.settings.airflow_url}/api/v2/version")
    assert "Invalid host header" in seen(f"http://rebound.example:{stack.settings.airflow_port}/api/v2/version")
    assert "does not answer to the host" in seen(f"http://rebound.example:{stack.settings.local_aws_port}/_local/state")


def test_nothing_listens_beyond_loopback(stack):
    assert [socket for part in stack.parts.values() for socket in open_to_others(tree(part.process.pid))] == []


def test_a_taken_port_is_an_error_that_names_the_variable(stack, tmp_path):
    settings = StackSettings(airflow_port=stack.settings.airflow_port, local_aws_port=1, home=tmp_path)
    with pytest.raises(StackError, match=r"LOCAL_AWS_PORT|AIRFLOW_PORT"), LocalStack(settings):
        pass

    done = subprocess.run(
        [sys.executable, "-m", "local_stack.demo"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        env={**stack.environment, "LOCAL_AWS_PORT": str(stack.settings.local_aws_port)},
    )
    assert done.returncode == 1
    assert f"Port {stack.settings.local_aws_port} on 127.0.0.1 is taken" in done.stdout
    assert "LOCAL_AWS_PORT=" in done.stdout


def test_a_second_stack_in_the_same_home_is_refused(stack):
    with pytest.raises(StackError, match="A local stack is already running in"), LocalStack(stack.settings):
        pass


def test_what_is_ready_at_once_succeeds_at_the_first_try_while_somebody_stalls(stack, airflow):
    """No deferral is taken for a failure, however late the scheduler reads that the deferring process has ended."""
    make_model(stack)
    make_endpoints(stack)
    over = threading.Event()
    stalling = threading.Thread(target=stall, args=[stack, over])
    run_id = airflow.trigger(DEFERRALS, {"round": ROUND})
    # For each task that a trigger ends, Airflow has it parse the DAG twice, to call callbacks that there are not.
    stack.kill("dag-processor")
    stalling.start()
    try:
        state = wait_until(lambda: attend(stack, airflow, run_id), 280, "the run's end", pause=0.2)
    finally:
        over.set()
        stalling.join()
        stack.restart("dag-processor", wait=False)

    tasks = airflow.tasks(DEFERRALS, run_id)
    assert {task_id: task["state"] for task_id, task in tasks.items() if task["state"] != "success"} == {}
    assert state == "success"
    assert {task_id for task_id, task in tasks.items() if task["try_number"] != 1} == set()
    assert airflow.events("state mismatch", run_id) == []
    # Of each kind at least one. A task whose work is done when it looks for the first time does not defer.
    assert deferrals(stack, run_id) > OF_EACH_KIND * (len(KINDS) - 1)


def test_stopping_leaves_this_process_as_it_was(tmp_path):
    """What it ignores while stopping, processes started later must not inherit."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    LocalStack(StackSettings(home=tmp_path)).stop()

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
