import copy
import math
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization
from jsonschema import Draft202012Validator

from hashtag_retrain.backfills import SETTINGS, parameters_of_run
from hashtag_retrain.parameters import run_parameters, start_run
from include.config.errors import ConfigurationError
from include.config.hashtags import load_hashtags
from local_aws.service_models import service_model


@pytest.fixture
def hashtag(tmp_path):
    """A hashtag with parameters of its own."""

    def load(parameters: str, key: str = "parameters") -> Any:
        (tmp_path / "hashtags.yaml").write_text(f'aws: {{labels: {{"0": a, "1": b}}, {key}: {{{parameters}}}}}')
        return load_hashtags(tmp_path / "hashtags.yaml").usable[0]

    return load


def test_an_entrys_parameters_are_the_forms_defaults(hashtag):
    parameters = run_parameters(hashtag("epochs: 7, deploy: never"))

    assert (parameters["epochs"].value, parameters["deploy"].value) == (7, "never")


def test_neither_parsing_nor_storing_a_dag_checks_its_parameters_again(hashtag, monkeypatch):
    """Airflow looks at each parameter for each task, and again when it stores the DAG: 500 hashtags took minutes."""
    looks: list[Any] = []
    monkeypatch.setattr(Draft202012Validator, "iter_errors", lambda self, value: iter(looks.append(value) or ()))
    parameters = run_parameters(hashtag("epochs: 7"))
    looks.clear()

    with DAG("many_looks", params=parameters, schedule=None) as dag:
        for number in range(5):
            EmptyOperator(task_id=f"task_{number}")
    stored = DagSerialization.to_dict(dag)

    assert looks == []
    assert {name: value["default"] for name, value in stored["dag"]["params"]}["epochs"] == 7
    tasks = copy.deepcopy(dag.params)
    tasks["epochs"] = 8
    assert (dag.params["epochs"], tasks["epochs"], looks) == (7, 8, [8])


def test_every_parameter_has_a_right_schema_that_its_default_fits(hashtag):
    for parameter in run_parameters(hashtag("")).values():
        Draft202012Validator.check_schema(parameter.schema)
        Draft202012Validator(parameter.schema).validate(parameter.value)


@pytest.mark.parametrize("value", [0, "7", None, 1.5, {1, 2}])
def test_a_value_is_checked_as_airflows_own_parameters_check_it(hashtag, value):
    ours = run_parameters(hashtag(""))["window_days"]
    theirs = Param(1, **ours.schema)

    answers = []
    for parameter in (ours, theirs):
        with pytest.raises(ParamValidationError) as refused:
            parameter.resolve(value)
        answers.append((str(refused.value), parameter.value, parameter.resolve(3), parameter.value))

    assert answers[0] == answers[1]
    if not isinstance(value, set):
        assert ours.resolve(value, suppress_exception=True) is None


def test_every_mistake_in_an_entrys_parameters_is_named_at_once(hashtag):
    with pytest.raises(ConfigurationError) as error:
        run_parameters(hashtag("epoch: 7, deploy: perhaps, min_gain: 2"))

    assert [line.split(": ")[0].rpartition(".")[2] for line in str(error.value).splitlines()] == [
        "epoch",
        "deploy",
        "min_gain",
    ]


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"epoch": 3}, r"The run's configuration: unknown parameter epoch \(did you mean epochs\?\)"),
        ({"min_gain": math.nan}, "The run's configuration, min_gain: nan is not a finite number"),
        ({"window_days": 7.0}, "The run's configuration, window_days: 7.0 is not an integer"),
        ({"epochs": 7.0}, "The run's configuration, epochs: 7.0 is not an integer"),
    ],
)
def test_a_run_with_a_configuration_that_it_cannot_obey_is_refused(hashtag, configuration, words):
    with pytest.raises(ConfigurationError, match=words):
        start_run(context(hashtag, configuration))


@pytest.mark.parametrize("configuration", [None, {}, {"epochs": 3}])
def test_any_other_run_is_not(hashtag, configuration):
    start_run(context(hashtag, configuration))


def context(
    hashtag: Any,
    configuration: dict[str, Any] | None,
    run_type: str = "manual",
    entry: str = "",
    key: str = "parameters",
) -> Any:
    loaded = hashtag(entry, key)
    parameters = ParamsDict(run_parameters(loaded))
    run = SimpleNamespace(
        conf=configuration,
        run_type=run_type,
        logical_date=datetime(2026, 1, 7, tzinfo=UTC),
        data_interval_start=datetime(2026, 1, 7, tzinfo=UTC),
        data_interval_end=None,
    )
    macros = {SETTINGS: loaded.settings}
    return {
        "dag": SimpleNamespace(params=parameters, dag_id="retrain_aws", user_defined_macros=macros),
        "dag_run": run,
        "task": SimpleNamespace(),
        "params": parameters.dump() | (configuration or {}),
    }


def test_the_log_of_the_first_task_says_which_parameters_hold_and_where_each_comes_from(hashtag, capsys):
    start_run(context(hashtag, {"epochs": 3}, "backfill", "keep_endpoint_minutes: 2, epochs: 9", "backfill_parameters"))

    printed = capsys.readouterr().out
    assert "This run is about the tweets of 2026-01-07. Its logical date says so." in printed
    assert "  epochs: 3 (from the run's configuration)" in printed
    assert "  keep_endpoint_minutes: 2 (from backfill_parameters in the hashtags file)" in printed
    assert "  min_gain: 0.0 (the default)" in printed
    start_run(context(hashtag, {}, "scheduled", "epochs: 9"))
    assert "  epochs: 9 (from parameters in the hashtags file)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("run_type", "configuration", "minutes"),
    [
        ("backfill", None, 5),  # Airflow's UI drops what somebody has filled in
        ("backfill", {"keep_endpoint_minutes": 30}, 30),
        ("scheduled", None, 60),
        ("manual", {"keep_endpoint_minutes": 30}, 30),
    ],
)
def test_the_endpoint_of_a_backfill_does_not_depend_on_what_airflow_keeps_of_its_parameters(
    hashtag, run_type, configuration, minutes
):
    run = context(hashtag, configuration, run_type)

    assert parameters_of_run(run["dag"], run["params"], run["dag_run"])["keep_endpoint_minutes"] == minutes


def test_mistakes_in_the_parameters_of_backfills_are_named(hashtag):
    with pytest.raises(ConfigurationError, match=r"aws\.backfill_parameters\.min_gain: 2 is greater than"):
        run_parameters(hashtag("min_gain: 2", "backfill_parameters"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 1001),
        ("vector_dim", 1001),
        ("buckets", 20_000_001),
        ("word_ngrams", 11),
        ("learning_rate", 10.5),
        ("training_instance_type", "ml.c5.xlarge\n"),
        ("endpoint_instance_type", "ml.m5.large\nx"),
        ("date", "2026-01-07\n"),
    ],
)
def test_what_would_cost_too_much_or_is_no_such_value_is_refused(hashtag, name, value):
    from airflow.sdk.exceptions import ParamValidationError

    parameters = run_parameters(hashtag(""))

    with pytest.raises(ParamValidationError):
        parameters[name].resolve(value)


def test_a_model_that_would_be_too_large_is_refused_with_the_sum(hashtag):
    with pytest.raises(ConfigurationError, match=r"buckets \(20,000,000\) x vector_dim \(100\) x 4 bytes .* 7\.5 GiB"):
        run_parameters(hashtag("buckets: 20_000_000, vector_dim: 100"))
    with pytest.raises(ConfigurationError, match="at most 2 GiB"):
        start_run(context(hashtag, {"buckets": 20_000_000, "vector_dim": 100}))
    with pytest.raises(ConfigurationError, match=r"vector_dim \(100\)"):  # which tuning may try
        start_run(context(hashtag, {"buckets": 20_000_000, "tune": True}))


def test_the_parameters_of_backfills_are_checked_together_with_the_others(tmp_path):
    entry = "parameters: {buckets: 20_000_000}, backfill_parameters: {vector_dim: 100}"
    (tmp_path / "hashtags.yaml").write_text(f'aws: {{labels: {{"0": a, "1": b}}, {entry}}}')

    with pytest.raises(ConfigurationError, match=r"aws\.backfill_parameters: .* 7\.5 GiB"):
        run_parameters(load_hashtags(tmp_path / "hashtags.yaml").usable[0])


KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd"
ALLOWED = "instance_types: [ml.c5.xlarge, ml.m5.large]"
VOLUMES = f"kms_keys: {{volume: '{KEY}', endpoint: '{KEY}'}}"


@pytest.fixture
def company(tmp_path, monkeypatch):
    """The company has these rules."""

    def write(rules: str) -> None:
        (tmp_path / "company.yaml").write_text(rules)
        monkeypatch.setenv("RETRAIN_COMPANY_RULES", str(tmp_path / "company.yaml"))

    return write


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("training_instance_type", "TrainingInstanceType"),
        ("endpoint_instance_type", "ProductionVariantInstanceType"),
    ],
)
def test_the_form_proposes_instance_types_that_aws_has_for_the_purpose(hashtag, name, shape):
    parameter = run_parameters(hashtag(""))[name]

    proposed = parameter.schema["examples"]

    assert parameter.value in proposed
    assert set(proposed) <= set(service_model().shape_for(shape).enum)


def test_the_form_offers_the_companys_instance_types_and_no_other(hashtag, company):
    from airflow.sdk.exceptions import ParamValidationError

    company(ALLOWED)

    parameters = run_parameters(hashtag("training_instance_type: ml.m5.large"))

    for name, default in (("training_instance_type", "ml.m5.large"), ("endpoint_instance_type", "ml.m5.large")):
        assert parameters[name].value == default
        assert parameters[name].schema["enum"] == ["ml.c5.xlarge", "ml.m5.large"]
        assert "examples" not in parameters[name].schema
        with pytest.raises(ParamValidationError, match=r"ml\.m5\.xlarge"):
            parameters[name].resolve("ml.m5.xlarge")


@pytest.mark.parametrize(
    ("rules", "entry", "key", "message"),
    [
        (
            ALLOWED,
            "endpoint_instance_type: ml.m5.xlarge",
            "parameters",
            r"line 1, aws\.parameters\.endpoint_instance_type: the company's rules do not allow ml\.m5\.xlarge "
            r"\(did you mean ml\.m5\.large\?\), only: ml\.c5\.xlarge, ml\.m5\.large",
        ),
        (
            ALLOWED,
            "training_instance_type: ml.m5.xlarge",
            "backfill_parameters",
            r"aws\.backfill_parameters\.training_instance_type: the company's rules do not allow",
        ),
        (
            "instance_types: [ml.m5.large]",
            "",
            "parameters",
            r"aws\.parameters\.training_instance_type: the company's rules do not allow ml\.c5\.xlarge",
        ),
        (VOLUMES, "training_instance_type: ml.g5.xlarge", "parameters", "AWS refuses the company's kms_keys.volume"),
        (VOLUMES, "endpoint_instance_type: ml.g5.xlarge", "parameters", "AWS refuses the company's kms_keys.endpoint"),
    ],
)
def test_an_entry_that_contradicts_the_companys_rules_is_named(hashtag, company, rules, entry, key, message):
    company(rules)

    with pytest.raises(ConfigurationError, match=message) as error:
        run_parameters(hashtag(entry, key))

    assert all(len(line) < 500 for line in str(error.value).splitlines())


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("epochs: many", r"aws\.parameters\.epochs: 'many' is not an integer"),
        ("min_gain: x", "'x' is not a number"),
        ("tune: 'yes'", "'yes' is not true or false"),
        ("date: 7", "7 is not text"),
    ],
)
def test_a_value_of_another_type_is_said_in_words(hashtag, entry, words):
    with pytest.raises(ConfigurationError, match=words):
        run_parameters(hashtag(entry))


@pytest.mark.parametrize(
    ("rules", "settings", "message"),
    [
        (ALLOWED, "live: true, live_instance_type: ml.m5.xlarge", "live_instance_type: the company's rules do not"),
        (VOLUMES, "live: true, live_instance_type: ml.m5d.large", "live_instance_type: ml.m5d.large has local storage"),
        (
            "{subnets: [subnet-1], security_group_ids: [sg-1]}",
            "prepare_on: glue",
            "prepare_on: jobs of Glue do not run in the subnets of the company's rules",
        ),
    ],
)
def test_settings_that_contradict_the_companys_rules_are_named(tmp_path, company, rules, settings, message):
    company(rules)
    (tmp_path / "hashtags.yaml").write_text(f'aws: {{labels: {{"0": a, "1": b}}, {settings}}}')
    (loaded,) = load_hashtags(tmp_path / "hashtags.yaml").usable

    with pytest.raises(ConfigurationError, match=message):
        run_parameters(loaded)


def test_the_form_does_not_offer_a_type_that_a_key_rules_out(hashtag, company):
    company(f"kms_keys: {{volume: '{KEY}'}}\ninstance_types: [ml.c5.xlarge, ml.m5.large, ml.g4dn.xlarge]")

    parameters = run_parameters(hashtag(""))

    assert parameters["training_instance_type"].schema["enum"] == ["ml.c5.xlarge", "ml.m5.large"]
    assert "ml.g4dn.xlarge" in parameters["endpoint_instance_type"].schema["enum"]


def test_a_live_instance_type_matters_only_to_a_live_endpoint(hashtag, company):
    company("instance_types: [ml.c5.xlarge]")

    assert run_parameters(hashtag("endpoint_instance_type: ml.c5.xlarge"))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (ALLOWED, r"training_instance_type: the company's rules do not allow ml\.m5\.xlarge"),
        (
            f"kms_keys: {{s3: '{KEY.replace('us-east-1', 'eu-west-1')}'}}",
            "kms_keys of eu-west-1, and this deployment is",
        ),
        ("subnet: []", "did you mean subnets"),
    ],
)
def test_the_first_task_refuses_a_run_that_contradicts_rules_of_meanwhile(hashtag, company, rules, message):
    run = context(hashtag, {"training_instance_type": "ml.m5.xlarge"})
    company(rules)

    with pytest.raises(ConfigurationError, match=message):
        start_run(run)


def test_the_first_task_takes_keys_of_its_region(hashtag, company, capsys):
    company(VOLUMES)

    start_run(context(hashtag, {}))

    assert "This run is about the tweets of" in capsys.readouterr().out
