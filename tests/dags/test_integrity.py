"""The DAGs as Airflow's processor sees them."""

import dataclasses
import itertools
import json
import os
import runpy
import subprocess
import sys
from datetime import timedelta

import pytest
from airflow.plugins_manager import ensure_plugins_loaded

from hashtag_retrain.pools import ENDPOINT_POOL, TRAINING_POOL
from include.results import Results
from tests.conftest import REPOSITORY
from tests.dags.versions import versions

DAGS = REPOSITORY / "dags"


def dag_bag():
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(str(DAGS))


@pytest.fixture(scope="module")
def dags():
    bag = dag_bag()
    assert bag.import_errors == {}
    return bag.dags


OTHER_PROCESS = """
import json, os, runpy, socket, sys

def refuse(*arguments, **options):
    raise AssertionError("network")

socket.socket.connect = socket.getaddrinfo = refuse
import airflow.sdk, airflow.providers.amazon.aws.operators.sagemaker
import airflow.providers.amazon.aws.sensors.s3
airflows_own = set(sys.modules)
for name in ("retrain_hashtag", "sweep_endpoints"):
    runpy.run_path(f"dags/{name}.py")
imported = set(sys.modules) - airflows_own

from airflow.dag_processing.dagbag import DagBag
from tests.dags.versions import versions

dags, os.environ["RETRAIN_POLL_SECONDS"] = sys.argv[1:]
print(json.dumps([sorted(airflows_own), sorted(imported), versions(DagBag(dags).dags)]))
"""


@pytest.fixture(scope="module")
def other_process():
    """
    Of a process without network, credentials and settings: the modules of Airflow and of the provider, those that the
    DAG files import besides, and the versions of the DAGs.
    """
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, str(DAGS), os.environ["RETRAIN_POLL_SECONDS"]],
        cwd=REPOSITORY,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RETRAIN_"))},
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
            "PYTHONHASHSEED": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_there_is_a_dag_for_each_hashtag_and_one_that_sweeps(dags):
    assert set(dags) == {"live_endpoint", "retrain_aws", "retrain_azure", "start_early", "sweep_endpoints"}


def test_the_dag_file_reads_as_the_story(dags):
    """Tasks are defined in the order in which they run, one after the other; and every result is a task's."""
    story = dags["retrain_aws"].task_ids

    for first, second in itertools.pairwise(story):
        assert second in dags["retrain_aws"].get_task(first).downstream_task_ids
    results = [field.name for field in dataclasses.fields(Results) if field.name != "promote_model"]  # only if live
    assert results == [task_id for task_id in story if task_id in results]


def test_the_last_two_tasks_are_teardowns_that_fail_the_run(dags):
    """So they run where a person marks the whole run, and neither a failed deletion nor a failed task is hidden."""
    teardowns = [task for task in dags["retrain_aws"].tasks if task.is_teardown]

    assert [task.task_id for task in teardowns] == ["delete_endpoint", "record_outcome"]
    assert all(task.on_failure_fail_dagrun for task in teardowns)


def test_the_outcome_waits_for_what_comes_before_the_deletion_even_if_the_deletion_is_not_to_run_again(dags):
    record = dags["retrain_aws"].get_task("record_outcome")

    assert record.upstream_task_ids == {"deploy_endpoint", "smoke_test", "hold_endpoint", "delete_endpoint"}


def test_every_task_leaves_its_message_when_it_fails(dags):
    for task in dags["retrain_aws"].tasks:
        assert [callback.__name__ for callback in task.on_failure_callback] == ["note_failure"]


def test_it_is_scheduled_daily_without_catch_up(dags):
    dag = dags["retrain_aws"]

    assert dag.catchup is False
    assert type(dag.timetable).__name__ == "TweetsTimetable"
    assert dag.timetable.serialize()["expression"] == "0 0 * * *"


def test_the_sweep_is_not_paused_when_it_is_new(dags):
    assert dags["sweep_endpoints"].is_paused_upon_creation is False


def test_a_pool_counts_what_costs_by_the_hour_and_deleting_never_waits_for_one(dags):
    pools = {task.task_id: (task.pool, task.pool_slots) for task in dags["retrain_aws"].tasks}

    assert pools.pop("tune_model") == (TRAINING_POOL, 2)
    assert pools.pop("train_model") == (TRAINING_POOL, 1)
    assert pools.pop("deploy_endpoint") == pools.pop("hold_endpoint") == (ENDPOINT_POOL, 1)
    assert set(pools.values()) == {("default_pool", 1)}


def test_every_client_backs_off_adaptively_before_its_task_fails(dags):
    operators = [task for dag in dags.values() for task in dag.tasks if hasattr(task, "botocore_config")]
    assert {task.dag_id for task in operators} == set(dags) - {"start_early"}
    for task in operators:
        assert task.botocore_config["retries"]["mode"] == "adaptive", task.task_id


def test_a_daily_run_is_late_six_hours_after_its_day_and_the_endpoints_time(dags):
    (alert,) = [dags["retrain_aws"].deadline]

    assert [alert.interval for alert in ([alert] if not isinstance(alert, list) else alert)] == [timedelta(hours=31)]


def test_every_parameter_has_a_title_an_explanation_and_bounds(dags):
    for name in dags["retrain_aws"].params:
        param = dags["retrain_aws"].params.get_param(name)
        schema = param.schema
        assert schema["title"], name
        assert param.description, name
        if any(kind in schema.get("type", ()) for kind in ("integer", "number")):
            assert {"minimum", "exclusiveMinimum"} & set(schema), name
            assert param.description.endswith(f"{schema['maximum']:,}."), name


def test_parameters_have_their_names_in_blazingtext(dags):
    assert {
        "epochs",
        "min_count",
        "learning_rate",
        "vector_dim",
        "word_ngrams",
        "buckets",
        "early_stopping",
        "patience",
        "min_epochs",
        "date",
        "window_days",
        "training_instance_type",
        "endpoint_instance_type",
        "keep_endpoint_minutes",
        "deploy",
        "gate_metric",
        "min_gain",
        "min_test_tweets",
        "tune",
        "tuning_jobs",
    } == set(dags["retrain_aws"].params)


def test_importing_needs_no_network_no_credentials_no_settings_and_few_modules_beside_airflows_own(other_process):
    airflows_own, imported, _ = other_process

    assert not {"sagemaker", "pandas", "sklearn", "scipy", "fasttext", "moto"} & {*airflows_own, *imported}
    assert len(imported) < 0.4 * len(airflows_own)


def test_parsing_twice_gives_the_same_version(dags, other_process):
    """A value computed at parse time would make a new version of the DAG at every parse."""
    assert other_process[2] == versions(dags)
    assert len(versions(dags)) == 5


def test_a_mistake_in_the_companys_rules_is_an_import_error_that_names_it_and_the_sweep_goes_on(tmp_path, monkeypatch):
    """Without its rules, nothing is to be created. What there is must still be deleted."""
    (tmp_path / "company.yaml").write_text("kms_key: {}")
    monkeypatch.setenv("RETRAIN_COMPANY_RULES", str(tmp_path / "company.yaml"))

    bag = dag_bag()

    assert sorted(bag.dags) == ["live_endpoint", "sweep_endpoints"]
    assert "company.yaml, line 1, kms_key: unknown key (did you mean kms_keys?)" in str(bag.import_errors)


def test_a_mistake_in_an_entry_leaves_the_other_hashtags_their_dags(tmp_path, monkeypatch):
    entries = [
        'good: {labels: {"0": a, "1": b}}',
        'lables: {lables: {"0": a, "1": b}}',
        'typo: {labels: {"0": a, "1": b}, parameters: {epoch: 3}}',
        'bounds: {labels: {"0": a, "1": b}, parameters: {keep_endpoint_minutes: 99999}}',
        'nan: {labels: {"0": a, "1": b}, parameters: {keep_endpoint_minutes: .nan}}',
        'gain: {labels: {"0": a, "1": b}, parameters: {min_gain: .inf}}',
        'whole: {labels: {"0": a, "1": b}, parameters: {window_days: 7.0}}',
        'date: {labels: {"0": a, "1": b}, parameters: {date: 2026-01-05}}',
        'cron: {labels: {"0": a, "1": b}, schedule: "never"}',
        'better: {labels: {"0": a, "1": b}, owner: ml-team, tags: [nightly]}',
    ]
    (tmp_path / "hashtags.yaml").write_text("\n".join(entries))
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))

    bag = dag_bag()

    assert sorted(bag.dags) == ["live_endpoint", "retrain_better", "retrain_good", "start_early", "sweep_endpoints"]
    better = bag.dags["retrain_better"]
    assert (better.owner, sorted(better.tags)) == ("ml-team", ["better", "nightly", "retrain"])
    ((file, error),) = bag.import_errors.items()
    assert "check_hashtags.py" in file
    for words in (
        "line 2, lables.lables: unknown key (did you mean labels?)",
        "line 3, typo.parameters.epoch: unknown parameter epoch (did you mean epochs?)",
        "line 4, bounds.parameters.keep_endpoint_minutes: 99999 is greater than the maximum of 10080",
        "line 5, nan.parameters.keep_endpoint_minutes: nan is not a finite number",
        "line 6, gain.parameters.min_gain: inf is not a finite number",
        "line 7, whole.parameters.window_days: 7.0 is not an integer; write it without a decimal point",
        'line 8, date.parameters.date: YAML reads this as a date; put it in quotes: "2026-01-05"',
        "line 9, cron.schedule: 'never' is neither a cron expression",
    ):
        assert words in error


def test_names_of_labels_and_columns_are_no_templates(tmp_path, monkeypatch):
    (tmp_path / "hashtags.yaml").write_text('aws: {labels: {"0": "{{7*7}}", "1": "{%x"}, text_column: "{{text}}"}')
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))
    tasks = dag_bag().dags["retrain_aws"].task_dict

    names = {"0": "{{7*7}}", "1": "{%x"}
    prepare, evaluate = tasks["prepare_dataset"], tasks["evaluate_model"]
    preparation = prepare.render_template(prepare.op_kwargs["preparation"], {})
    assert (preparation["labels"], preparation["text_column"]) == (names, "{{text}}")
    assert evaluate.render_template(evaluate.op_kwargs["labels"], {}) == names


def test_a_task_start_makes_its_own_dag_alone(tmp_path, monkeypatch):
    from airflow.sdk.definitions import context
    from airflow.sdk.definitions._internal.contextmanager import DagContext

    entries = [f'h{number}: {{labels: {{"0": a, "1": b}}}}' for number in range(50)]
    (tmp_path / "hashtags.yaml").write_text("\n".join(entries))
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))
    monkeypatch.setattr(DagContext, "current_autoregister_module_name", "__main__")
    monkeypatch.setattr(DagContext, "autoregistered_dags", set())

    # Airflow's own context manager does not remove the variables again.
    monkeypatch.setenv(context._AIRFLOW_PARSING_CONTEXT_DAG_ID, "retrain_h7")
    monkeypatch.setenv(context._AIRFLOW_PARSING_CONTEXT_TASK_ID, "x")

    runpy.run_path(str(DAGS / "retrain_hashtag.py"))

    assert [dag.dag_id for dag, _ in DagContext.autoregistered_dags] == ["retrain_h7"]


def test_plugins_leave_the_names_of_other_modules_alone():
    """Airflow registers every file that its plugin scanner runs by its bare name."""
    ensure_plugins_loaded()

    ours = {file.stem for file in (REPOSITORY / "plugins" / "hashtag_retrain").rglob("*.py")}
    assert {"polling", "retries"} < ours
    assert not ours & set(sys.modules)


def test_airflow_looks_for_dags_in_dags_alone():
    """Where a DAG bundle is rooted at the repository."""
    ignored = (REPOSITORY / ".airflowignore").read_text().split()
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    folders = {f"{path.partition('/')[0]}/" for path in tracked.stdout.split() if "/" in path}

    assert folders - {"dags/"} <= set(ignored)
