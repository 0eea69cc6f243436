"""The parameters of a run, as the trigger form shows them."""

from __future__ import annotations

import copy
import datetime
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param
from airflow.sdk.definitions._internal.types import NOTSET
from airflow.sdk.exceptions import ParamValidationError

from hashtag_retrain.backfills import BACKFILL, SETTINGS, use_parameters_of_run
from hashtag_retrain.dates import origin_of_date, settle_date
from include.blazingtext.hyperparameters import HYPERPARAMETERS, Hyperparameter, too_large
from include.config.company import CompanyRules
from include.config.errors import ConfigurationError
from include.config.hashtags import INSTANCE_TYPE, Hashtag, did_you_mean
from include.config.printable import printable
from include.evaluation.gate import DEPLOY
from include.evaluation.metrics import GATE_METRICS

if TYPE_CHECKING:
    from airflow.sdk import Context

INSTANCE_TYPES = {
    "training_instance_type": ["ml.c5.xlarge", "ml.c5.4xlarge", "ml.m5.xlarge", "ml.m5.4xlarge", "ml.g4dn.xlarge"],
    "endpoint_instance_type": ["ml.t2.medium", "ml.m5.large", "ml.m5.xlarge", "ml.c5.large", "ml.c5.xlarge"],
}
"""Parameters with instance types, and those that the form proposes: a wrong size shows only when AWS refuses it."""
MAX_TUNING_JOBS = 100
DEFAULT_KEEP_MINUTES = 60
MAX_KEEP_MINUTES = 7 * 24 * 60


class Parameter(Param):
    """
    A parameter whose schema is known to be right, and whose own value is known to fit it. Airflow checks values and
    schemas again and again: some 500 times for each DAG that it parses and stores, which took half a second.
    """

    def resolve(self, value: Any = NOTSET, suppress_exception: bool = False) -> Any:
        if value is NOTSET:
            return self.value
        from jsonschema import Draft202012Validator, FormatChecker
        from jsonschema.exceptions import best_match

        self._check_json(value)
        fault = best_match(Draft202012Validator(self.schema, format_checker=FormatChecker()).iter_errors(value))
        if fault is None:
            self.value: Any = value
            return value
        if suppress_exception:
            return None
        raise ParamValidationError(fault)

    def __copy__(self) -> Parameter:
        copied = Parameter.__new__(Parameter)
        copied.__dict__.update(self.__dict__)
        return copied

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        """Each task has a copy. Nothing changes its schema."""
        return copy.copy(self)


Parameter.__module__, Parameter.__name__ = Param.__module__, Param.__name__  # Airflow stores no other class


def run_parameters(hashtag: Hashtag) -> dict[str, Param]:
    """
    Every parameter, with the defaults of the hashtag's entry.

    :raises ConfigurationError: the entry has unknown parameters, or values that cannot be used; the message lists all
    """
    parameters = {**_data_parameters(), **_training_parameters(), **_endpoint_parameters()}
    for parameter in parameters.values():
        # Airflow's form was seen to replace a number that is out of bounds by the bound.
        parameter.description = f"{parameter.description}{_bounds(parameter.schema)}"
    settings, rules = hashtag.settings, CompanyRules.from_environment()
    errors = [
        *hashtag.against(rules),
        *_ruled_out(hashtag, parameters, rules),
        *_mistakes(hashtag, "parameters", settings.parameters, parameters),
        *_mistakes(hashtag, "backfill_parameters", settings.backfill_parameters, parameters, settings.parameters),
    ]
    if errors:
        raise ConfigurationError("\n".join(map(str, errors)))
    for name, value in settings.parameters.items():
        parameters[name].value = value
    for name in INSTANCE_TYPES:
        if rules.instance_types:
            allowed = [one for one in rules.instance_types if rules.objection(name, one) is None]
            parameters[name].schema["enum"] = allowed
            del parameters[name].schema["examples"]
    return parameters


def _bounds(schema: Mapping[str, Any]) -> str:
    """A sentence with a number's bounds; empty if it has none."""
    if "maximum" not in schema:
        return ""
    maximum = f"{schema['maximum']:,.10g}"
    if "minimum" in schema:
        return f" From {schema['minimum']:,.10g} to {maximum}."
    return f" More than {schema['exclusiveMinimum']:,.10g}, at most {maximum}."


def _ruled_out(hashtag: Hashtag, parameters: Mapping[str, Param], rules: CompanyRules) -> Iterator[ConfigurationError]:
    """The parameters' values that the company's rules do not allow: the entry's, and defaults that it leaves."""
    settings, defaults = hashtag.settings, {name: parameters[name].value for name in INSTANCE_TYPES}
    held = {"parameters": {**defaults, **settings.parameters}, "backfill_parameters": settings.backfill_parameters}
    for key, values in held.items():
        for name in INSTANCE_TYPES:
            if name in values and (objection := rules.objection(name, values[name])):
                yield hashtag.error((key, name), objection)


def _mistakes(
    hashtag: Hashtag,
    key: str,
    values: Mapping[str, Any],
    parameters: Mapping[str, Param],
    beneath: Mapping[str, Any] = {},
) -> list[ConfigurationError]:
    """
    What is wrong with the parameters below a key of the hashtag's entry.

    :param beneath: values that hold where these have none
    """
    errors = []
    for name, value in values.items():
        if name not in parameters:
            errors.append(hashtag.error((key, str(name)), unknown_parameter(str(name), parameters)))
        elif objection := _objection(value, parameters[name]) or _out_of_bounds(value, parameters[name]):
            errors.append(hashtag.error((key, name), objection))
    defaults = {name: param.value for name, param in parameters.items()}
    if not errors and (objection := too_large({**defaults, **beneath, **values})):
        errors.append(hashtag.error((key,), objection))
    return errors


def _out_of_bounds(value: Any, parameter: Param) -> str | None:
    """Why a value does not fit the parameter's JSON schema; None if it does."""
    try:
        copy.copy(parameter).resolve(value)  # which stores the value as the default
    except ParamValidationError as error:
        fault = error.args[0]  # jsonschema's error, whose whole text fills a screen
        if getattr(fault, "validator", "") == "type":
            return f"{value!r} is not {_words_of_type(fault.validator_value)}"
        return str(getattr(fault, "message", fault))
    return None


def _words_of_type(kind: str | list[str]) -> str:
    """A type in a JSON schema, and perhaps null, in words."""
    (name,) = {kind} if isinstance(kind, str) else {*kind} - {"null"}
    return {"integer": "an integer", "number": "a number", "string": "text", "boolean": "true or false"}[name]


def _objection(value: Any, parameter: Param) -> str | None:
    """Why a run cannot use a value, although it may fit the JSON schema; None if it can."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a finite number"
    if isinstance(value, float) and "integer" in parameter.schema.get("type", ()):
        return f"{value} is not an integer; write it without a decimal point"
    if isinstance(value, datetime.date):
        return f'YAML reads this as a date; put it in quotes: "{value.isoformat()}"'
    return None


def unknown_parameter(name: str, known: Iterable[str]) -> str:
    """The message about an unknown parameter."""
    known = list(known)
    return f"unknown parameter {name}{did_you_mean(name, known)}; expected one of: {', '.join(known)}"


def enter_task(context: Context) -> None:
    """
    Call this before each task. A task reads the run's parameters in its context, and stores its links itself
    (`hashtag_retrain.links`). Airflow would read each link when the task ends, and store it once more: two requests.
    """
    use_parameters_of_run(context)
    context["task"].operator_extra_links = ()


def start_run(context: Context) -> None:
    """
    Check the run's configuration, settle the run's date, and print which parameters hold. Call this before the first
    task of a run. Airflow accepts any key in a run's configuration, and ignores keys that are not parameters.

    :raises ConfigurationError: a key is not a parameter, or its value cannot be used; or the run says two dates
    """
    _refuse_unknown_parameters(context)
    enter_task(context)
    if objection := too_large(context["params"]):
        raise ConfigurationError(f"The run's parameters: {objection}")
    _require_company_rules(context)
    origin = origin_of_date(context["params"], context["dag_run"])
    print(f"This run is about the tweets of {settle_date(context)}. {origin} Its parameters:")
    for name, value in context["params"].items():
        print(printable(f"  {name}: {value!r} ({_origin(name, context)})"))


def _require_company_rules(context: Context) -> None:
    """
    :raises ConfigurationError: the run contradicts the company's rules, which may be younger than its parameters
    """
    rules = CompanyRules.from_environment()
    for name in INSTANCE_TYPES:
        if objection := rules.objection(name, context["params"][name]):
            raise ConfigurationError(f"The run's parameters, {name}: {objection}.")
    if rules.kms_region and rules.kms_region != (region := _region()):
        raise ConfigurationError(
            f"The company's rules have kms_keys of {rules.kms_region}, and this deployment is in {region}. AWS takes "
            "keys of its own region only. Name keys of it, or set the region of the connection aws_default."
        )


def _region() -> str:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    return str(AwsBaseHook(aws_conn_id="aws_default", client_type="sagemaker").conn_region_name)


def _origin(name: str, context: Context) -> str:
    """Where a parameter's value comes from."""
    run, settings = context["dag_run"], context["dag"].user_defined_macros[SETTINGS]
    if name in (run.conf or {}):
        return "from the run's configuration"
    if run.run_type == BACKFILL and name in settings.backfill_parameters:
        return "from backfill_parameters in the hashtags file"
    return "from parameters in the hashtags file" if name in settings.parameters else "the default"


def _refuse_unknown_parameters(context: Context) -> None:
    parameters = context["dag"].params
    for name, value in (context["dag_run"].conf or {}).items():
        if name not in parameters:
            raise ConfigurationError(f"The run's configuration: {unknown_parameter(name, parameters)}.")
        if objection := _objection(value, parameters.get_param(name)):
            raise ConfigurationError(f"The run's configuration, {name}: {objection}.")


def _data_parameters() -> dict[str, Param]:
    return {
        "date": Parameter(
            None,
            type=["null", "string"],
            format="date",
            title="Date",
            description="Train on the labelled tweets of this date. Empty: the newest date that has tweets. A "
            "scheduled or backfilled run has a date of its own. You can leave the logical date alone: the current time "
            "is not taken for a date of tweets.",
        ),
        "window_days": Parameter(
            1,
            type="integer",
            minimum=1,
            maximum=3650,
            title="Window (dates)",
            description="Train on the labelled tweets of this many dates: the newest ones, up to the date, that have "
            "tweets. If a tweet was labelled on several dates, the newest label counts.",
        ),
    }


def _training_parameters() -> dict[str, Param]:
    parameters = {name: _hyperparameter(hyperparameter) for name, hyperparameter in HYPERPARAMETERS.items()}
    parameters["tune"] = Parameter(
        False,
        type="boolean",
        section="Training",
        title="Tune the hyperparameters",
        description="Train several models with different hyperparameters, and continue with the one with the highest "
        "accuracy on the validation split. The search covers epochs, minimum word count, learning rate, vector "
        "dimension and n-grams.",
    )
    parameters["tuning_jobs"] = Parameter(
        10,
        type="integer",
        minimum=1,
        maximum=MAX_TUNING_JOBS,
        section="Training",
        title="Training jobs of a tuning",
        description="With tuning: the number of models to train. AWS bills each of them.",
    )
    parameters["training_instance_type"] = _instance_type("Training", "ml.c5.xlarge")
    return parameters


def _hyperparameter(hyperparameter: Hyperparameter) -> Param:
    bounds: dict[str, Any] = {}
    if hyperparameter.kind != "boolean":
        bound = "minimum" if hyperparameter.minimum_is_allowed else "exclusiveMinimum"
        bounds = {bound: hyperparameter.minimum}
        if hyperparameter.kind == "integer" and not hyperparameter.minimum_is_allowed:
            bounds = {"minimum": hyperparameter.minimum + 1}
        bounds["maximum"] = hyperparameter.maximum
    return Parameter(
        hyperparameter.recommended,
        type=["null", hyperparameter.kind] if hyperparameter.recommended is None else hyperparameter.kind,
        section="Training",
        title=hyperparameter.title,
        description=hyperparameter.description,
        **bounds,
    )


def _endpoint_parameters() -> dict[str, Param]:
    return {
        "deploy": Parameter(
            "auto",
            enum=list(DEPLOY),
            section="Endpoint",
            title="Deploy",
            description="auto: deploy the model if it is significantly better than the majority baseline (always the "
            "most common label) by more than the minimum gain, if there are enough test tweets, if it is not "
            "significantly worse than the champion, and if no newer date has labelled tweets. If a person has approved "
            "or rejected the model in the model registry, this decides instead. always: deploy it in any case. never: "
            "do not deploy it. The model is registered in any case, and can become the champion.",
        ),
        "min_gain": Parameter(
            0.0,
            type="number",
            minimum=0,
            maximum=1,
            section="Endpoint",
            title="Minimum gain",
            description="With deploy=auto: the lower end of the 95 % interval of the gate's metric must exceed what "
            "the majority baseline has by more than this share (0.05 is five percentage points).",
        ),
        "gate_metric": Parameter(
            "accuracy",
            enum=list(GATE_METRICS),
            section="Endpoint",
            title="Gate metric",
            description="With deploy=auto: the metric on the test split that is compared with the majority baseline "
            "and with the champion. accuracy: each tweet counts the same. balanced_accuracy: each label counts the "
            "same, as the mean recall of the labels. Choose it if one label is so common that hardly any model is more "
            "accurate than always that label, and the rare labels matter.",
        ),
        "min_test_tweets": Parameter(
            30,
            type="integer",
            minimum=1,
            maximum=1_000_000,
            section="Endpoint",
            title="Minimum number of test tweets",
            description="With deploy=auto: a model that was tested on fewer tweets is not deployed. On 30 tweets the "
            "accuracy's interval is up to 34 percentage points wide, on 100 up to 19, on 400 up to 10.",
        ),
        "endpoint_instance_type": _instance_type("Endpoint", "ml.m5.large"),
        "keep_endpoint_minutes": Parameter(
            DEFAULT_KEEP_MINUTES,
            type="number",
            exclusiveMinimum=0,
            maximum=MAX_KEEP_MINUTES,
            section="Endpoint",
            title="Keep the endpoint (minutes)",
            description="The endpoint is deleted so long after the start of deploy_endpoint. AWS bills it until then.",
        ),
    }


def _instance_type(section: str, default: str) -> Param:
    return Parameter(
        default,
        type="string",
        pattern=rf"^{INSTANCE_TYPE}$(?!\n)",  # in Python, $ alone is also before a newline at the end
        examples=INSTANCE_TYPES[f"{section.lower()}_instance_type"],
        section=section,
        title=f"{section} instance type",
        description="An instance type of SageMaker, with CPUs or with a single GPU. The proposals are some of them.",
    )
