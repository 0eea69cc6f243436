import math
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.definitions.param import ParamsDict

from hashtag_retrain.parameters import refuse_unknown_parameters, run_parameters
from include.config.errors import ConfigurationError
from include.config.hashtags import load_hashtags


@pytest.fixture
def hashtag(tmp_path):
    """A hashtag with parameters of its own."""

    def load(parameters: str) -> Any:
        (tmp_path / "hashtags.yaml").write_text(f'aws: {{labels: {{"0": a, "1": b}}, parameters: {{{parameters}}}}}')
        return load_hashtags(tmp_path / "hashtags.yaml").usable[0]

    return load


def test_an_entrys_parameters_are_the_forms_defaults(hashtag):
    parameters = run_parameters(hashtag("epochs: 7, deploy: never"))

    assert (parameters["epochs"].value, parameters["deploy"].value) == (7, "never")


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
        refuse_unknown_parameters(context(hashtag, configuration))


@pytest.mark.parametrize("configuration", [None, {}, {"epochs": 3}])
def test_any_other_run_is_not(hashtag, configuration):
    refuse_unknown_parameters(context(hashtag, configuration))


def context(hashtag: Any, configuration: dict[str, Any] | None) -> Any:
    parameters = ParamsDict(run_parameters(hashtag("")))
    return {
        "dag": SimpleNamespace(params=parameters),
        "dag_run": SimpleNamespace(conf=configuration),
        "params": parameters.dump() | (configuration or {}),
    }


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
        refuse_unknown_parameters(context(hashtag, {"buckets": 20_000_000, "vector_dim": 100}))
    with pytest.raises(ConfigurationError, match=r"vector_dim \(100\)"):  # which tuning may try
        refuse_unknown_parameters(context(hashtag, {"buckets": 20_000_000, "tune": True}))
