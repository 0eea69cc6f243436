"""The functions that the DAG wraps with task(): each is one line of the story, in terms of the other modules."""

import datetime
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include import __version__, champion
from include.blazingtext.baseline import MAX_TRAINING_TWEETS, linear_baseline
from include.blazingtext.decision import Dates, Decision, Gate, decide
from include.blazingtext.evaluation import Evaluation, evaluate, most_confident_mistakes
from include.blazingtext.hyperparameters import HYPERPARAMETERS, to_request, tuning_ranges
from include.blazingtext.predictions import LocalModel, Prediction
from include.blazingtext.requests import (
    endpoint_request,
    invocation,
    model_package_request,
    training_request,
    tuning_request,
)
from include.dataset import (
    DistinctTestTweets,
    fetch_tweets,
    newer_date,
    read_distinct_test_tweets,
    read_examples,
    upload_prepared,
)
from include.errors import DataError, RunFailed
from include.failures import ATTEMPTS, FAILURE, TOLD, describe_failures
from include.names import Keys, fingerprint, model_package_group, training_job_name, tuning_job_name
from include.notify import notify
from include.ownership import ownership_tags
from include.registry import Registry, description_of, job_of
from include.report import history
from include.report.document import Run, describe_run, failed_tasks, subject_of_notice
from include.report.publish import publish
from include.settings import Settings
from include.smoke_tests import smoke_tests
from include.storage import Storage
from include.text.prepare import PrepareSettings, prepare

PARALLEL_TUNING_JOBS = 2
"""At once: more are done sooner, but the search learns from those that are done."""
MISTAKES = 20
HEAVIEST_WORDS = 15
REPORT_URL = "report_url"
"""Key of the XCom with the report's address, for the link in Airflow's UI."""


def prepare_dataset(
    hashtag: str,
    date: str,
    run_name: str,
    owner: str,
    labels: dict[str, str],
    recipe: str,
    min_confidence: float,
    require_success_marker: bool = False,
    params: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Read, check, clean, tokenise and split the labelled tweets; upload the channels and a report on the data."""
    assert params is not None
    settings, storage, keys = _connect(hashtag, date)
    with TemporaryDirectory(prefix="prepare-") as folder:
        tweets = fetch_tweets(
            storage, keys, params["window_days"], Path(folder) / "in", _today(), require_success_marker
        )
        sources, dates = tweets.sources, tweets.dates
        print(f"Preparing the tweets of {', '.join(dates)}: {', '.join(source.name for source in sources)}")
        out = Path(folder) / "out"
        preparation = PrepareSettings(labels=labels, recipe=recipe, min_confidence=min_confidence)  # type: ignore[arg-type]
        try:
            report = prepare(sources, out, preparation)
        except DataError as error:
            rejected = storage.upload(out / "rejected.csv", keys.run(run_name) + "rejected.csv")
            raise DataError(f"{error} ({rejected})") from None
        for warning in report["warnings"]:
            print(f"WARNING: {warning}")
        data = upload_prepared(storage, keys, out)
    request = _training_request(settings, storage, keys, data, params, owner)
    return {
        "training_request": request,
        "tuning_request": _tuning_request(keys, request, data, params["tuning_jobs"]) if params["tune"] else {},
        "dates": dates, "data": data, "recipe": recipe, "rule": preparation.rule,
        "warnings": _warnings_of_dates(tweets.ignored_dates),
    }  # fmt: skip


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def _warnings_of_dates(ignored: list[str]) -> list[str]:
    if not ignored:
        return []
    return [f"Labelled tweets of dates after today are ignored: {', '.join(ignored)}. If a date is wrong, move it."]


def _connect(hashtag: str, date: str) -> tuple[Settings, Storage, Keys]:
    settings = Settings.from_environment()
    return settings, Storage.connect(settings.bucket), Keys(settings.prefix, hashtag, date)


def _registry(storage: Storage, keys: Keys) -> Registry:
    return Registry.connect(model_package_group(keys.hashtag), storage.uri(keys.prefix + "/"))


def _training_request(
    settings: Settings, storage: Storage, keys: Keys, data: dict[str, Any], params: Mapping[str, Any], owner: str
) -> dict[str, Any]:
    """The request for the prepared channels; its name is a fingerprint of all that decides what comes out."""
    image = training_image(settings, storage.region)
    hyperparameters = to_request({name: params[name] for name in HYPERPARAMETERS})
    decisive = {
        "train": data["sha256"]["train"], "validation": data["sha256"]["validation"], "image": image,
        "hyperparameters": hyperparameters, "instance_type": params["training_instance_type"], "code": __version__,
        "output": storage.uri(keys.models),
    }  # fmt: skip
    return training_request(
        job_name=training_job_name(keys.hashtag, keys.date, fingerprint(decisive)),
        image=image,
        role_arn=settings.role_arn,
        train_uri=data["uris"]["train"],
        validation_uri=data["uris"]["validation"],
        output_uri=storage.uri(keys.models),
        instance_type=params["training_instance_type"],
        hyperparameters=hyperparameters,
        tags=ownership_tags(owner, settings.deployment, f"training of {keys.hashtag} {keys.date}"),
    )


def _tuning_request(keys: Keys, training: dict[str, Any], data: dict[str, Any], jobs: int) -> dict[str, Any]:
    """The request to tune the prepared training; its name is a fingerprint of all that decides what comes out."""
    ranges = tuning_ranges()
    tuned = {entry["Name"] for entries in ranges.values() for entry in entries}
    # Not the channels' URIs, which change with files beside them, but their contents.
    decisive = {
        **training, "TrainingJobName": "", "Tags": [], "ranges": ranges, "jobs": jobs, "code": __version__,
        "InputDataConfig": [data["sha256"]["train"], data["sha256"]["validation"]],
    }  # fmt: skip
    decisive["HyperParameters"] = {k: v for k, v in training["HyperParameters"].items() if k not in tuned}
    return tuning_request(
        job_name=tuning_job_name(keys.hashtag, fingerprint(decisive)),
        training=training,
        ranges=ranges,
        max_jobs=jobs,
        max_parallel_jobs=PARALLEL_TUNING_JOBS,
        tags={tag["Key"]: tag["Value"] for tag in training["Tags"]},
    )


def training_image(settings: Settings, region: str) -> str:
    """BlazingText's image for the region, as the SageMaker SDK knows it, unless a setting names another."""
    if settings.training_image:
        return settings.training_image
    from sagemaker.core import image_uris  # takes seconds to import

    image: str = image_uris.retrieve("blazingtext", region)
    return image


def evaluate_model(
    hashtag: str,
    date: str,
    run_name: str,
    labels: dict[str, str],
    prepared: dict[str, Any],
    trained: dict[str, Any],
    params: Mapping[str, Any] | None = None,
    ti: Any = None,
) -> dict[str, Any]:
    """Score the trained model on the frozen test split, let it meet the champion, and decide whether it is deployed."""
    assert params is not None
    settings, storage, keys = _connect(hashtag, date)
    registry = _registry(storage, keys)
    scored = _score(storage, registry, prepared, trained, list(labels.values()))
    decision = _decide(storage, registry, keys, scored, trained, params)
    print("\n".join([*scored.data_warnings, *scored.found["verdicts"], decision.reason]))
    history.remember(storage, keys, trained["training_job_name"], scored.found)
    result = {
        "decision": decision.as_dict(),
        "evaluation_uri": storage.write_json(scored.found, keys.run(run_name) + "evaluation.json"),
        "registration": _registration(storage, keys, run_name, prepared, trained, scored.evaluation, decision),
        "smoke_tests": scored.smoke_tests,
        "smoke_test_request": invocation([test["instance"] for test in scored.smoke_tests], k=len(scored.model_labels)),
        "endpoint_request": endpoint_request(
            name=run_name,
            image=trained["image"],
            role_arn=settings.role_arn,
            model_uri=trained["model_uri"],
            instance_type=params["endpoint_instance_type"],
        ),
    }
    tuned = ti.xcom_pull(task_ids="tune_model") or None
    results = {"prepare_dataset": prepared, "tune_model": tuned, "train_model": trained, "evaluate_model": result}
    _write_report(storage, keys, run_name, params, ti, results, {})
    return result


@dataclass(frozen=True, slots=True)
class _Scored:
    """What the test split says of a model."""

    evaluation: Evaluation
    meeting: champion.Meeting
    found: dict[str, Any]
    """For evaluation.json."""
    data_warnings: list[str]
    smoke_tests: list[dict[str, Any]]
    model_labels: list[str]


def _score(
    storage: Storage,
    registry: Registry,
    prepared: dict[str, Any],
    trained: dict[str, Any],
    labels: list[str],
) -> _Scored:
    data = prepared["data"]
    preparation = storage.read_json(storage.key_of(data["uris"]["report"]))
    with TemporaryDirectory(prefix="evaluate-") as name:
        folder = Path(name)
        model = LocalModel(storage.download(storage.key_of(trained["model_uri"]), folder / "model.tar.gz"), folder)
        split = read_distinct_test_tweets(storage, data, folder)
        test = split.examples
        train = read_examples(storage, data, "train", folder, MAX_TRAINING_TWEETS)
        predictions = model.predict([instance for _, instance in test])
        reigning = registry.champion(besides=trained["model_uri"])
        meeting = champion.meet(reigning, prepared["rule"], test, predictions, storage, folder / "champion")
    evaluation = evaluate([label for label, _ in test], predictions, labels)
    baseline = linear_baseline(train, test, predictions, int(trained["hyperparameters"]["word_ngrams"]))
    verdicts = [evaluation.verdict(), *([baseline.verdict(evaluation)] if baseline else []), meeting.verdict]
    found = {
        **asdict(evaluation), "verdicts": verdicts, "linear_baseline": asdict(baseline) if baseline else None,
        "champion": meeting.as_dict(), "mistakes": _mistakes(split, predictions), "near_copies": split.near_copies,
        "heaviest_words": model.heaviest_words(HEAVIEST_WORDS, min_occurrences=max(3, len(train) // 1000)),
    }  # fmt: skip
    tests = smoke_tests(model, preparation["samples"], prepared["recipe"])
    return _Scored(evaluation, meeting, found, preparation["warnings"], tests, model.labels)


def _decide(
    storage: Storage,
    registry: Registry,
    keys: Keys,
    scored: _Scored,
    trained: dict[str, Any],
    params: Mapping[str, Any],
) -> Decision:
    own_version = registry.find(trained["model_uri"], datetime.datetime.fromisoformat(trained["created_at"]))
    dates = Dates(keys.date, newer_date(storage, keys, _today()) or keys.date, scored.meeting.date)
    persons_word = own_version.persons_word if own_version else None
    gate = Gate(params["min_gain"])
    return decide(scored.evaluation, scored.meeting.comparison, gate, params["deploy"], dates, persons_word)


def _mistakes(split: DistinctTestTweets, predictions: list[Prediction]) -> list[dict[str, Any]]:
    labels = [label for label, _ in split.examples]
    return [
        {
            "text": split.texts[position], "label": labels[position], "predicted": predictions[position].label,
            "probability": predictions[position].probability,
        }
        for position in most_confident_mistakes(labels, predictions, MISTAKES)
    ]  # fmt: skip


def _registration(
    storage: Storage,
    keys: Keys,
    run_name: str,
    prepared: dict[str, Any],
    trained: dict[str, Any],
    evaluation: Evaluation,
    decision: Decision,
) -> dict[str, Any]:
    """CreateModelPackage's request for the evaluated model."""
    low, high = evaluation.accuracy_interval
    figures = {
        "accuracy": evaluation.accuracy, "accuracy_low": low, "accuracy_high": high, "macro_f1": evaluation.macro_f1,
        "log_loss": evaluation.log_loss, "majority_accuracy": evaluation.majority_accuracy,
    }  # fmt: skip
    return model_package_request(
        description=description_of(
            job_of(trained["model_uri"]), f"#{keys.hashtag}, tweets of {keys.date}: {evaluation.headline()}"
        ),
        image=trained["image"],
        model_uri=trained["model_uri"],
        metrics_uri=storage.uri(keys.run(run_name) + "evaluation.json"),
        approval=decision.approval,
        properties={
            champion.DATE: keys.date,
            champion.RULE: prepared["rule"],
            champion.TRAINING_JOB: trained["training_job_name"],
            "data": fingerprint(prepared["data"]["sha256"]),
            "test_tweets": str(evaluation.tweets),
            "report": storage.uri(keys.run(run_name) + "report.html"),
            **{name: f"{figure:.4f}" for name, figure in figures.items()},
        },
    )


def register_model(hashtag: str, date: str, evaluated: dict[str, Any], trained: dict[str, Any]) -> dict[str, Any]:
    """Make the evaluated model a version of the hashtag's group in the model registry, approved or not."""
    _, storage, keys = _connect(hashtag, date)
    registry, request = _registry(storage, keys), evaluated["registration"]
    reason = evaluated["decision"]["approval_reason"]
    reigning = registry.champion(besides=trained["model_uri"])
    newest = reigning.properties.get(champion.DATE, "") if reigning else ""
    if request["ModelApprovalStatus"] == "Approved" and newest > date:  # approved since the evaluation
        request = {**request, "ModelApprovalStatus": "PendingManualApproval"}
        reason += f" But the champion is of a newer date, {newest}."
    version = registry.register(request, reason, since=datetime.datetime.fromisoformat(trained["created_at"]))
    print(f"Version {version.number} in the model registry, {version.approval}: {version.arn}")
    return {"model_package_arn": version.arn, "version": version.number, "approval": version.approval}


def record_outcome(
    hashtag: str, date: str, run_name: str, params: Mapping[str, Any] | None = None, ti: Any = None
) -> dict[str, Any]:
    """Write the run's report, and fail where any task failed: this task's state is the run's truth."""
    assert params is not None
    _, storage, keys = _connect(hashtag, date)
    states = _states(ti)
    # What an earlier attempt returned stays behind when a task is cleared and then skipped: only what succeeded counts.
    results = {task_id: ti.xcom_pull(task_ids=task_id) for task_id, state in states.items() if state == "success"}
    failures = {task_id: ti.xcom_pull(task_ids=task_id, key=FAILURE) for task_id in failed_tasks(states)}
    report = _write_report(storage, keys, run_name, params, ti, results, failures)
    print(f"{report['outcome']}\nReport: {report['files']['report']}")
    if subject := subject_of_notice(report):
        where = ti.log_url.partition("/tasks/")[0]
        notify(subject, "\n\n".join([*report["summary"], f"Run: {where}", f"Report: {report['url']}"]))
        # Airflow's own callback for failed runs then keeps still.
        ti.xcom_push(key=TOLD, value=ti.get_template_context()["dag_run"].start_date.isoformat())
    if failures:
        raise RunFailed(f"The run failed at {describe_failures(failures)}")
    return {"outcome": report["outcome"], "report": report["files"]["report"]}


def _states(ti: Any) -> dict[str, str | None]:
    states: dict[str, str | None] = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    return states


def _attempts(ti: Any) -> dict[str, list[dict[str, Any]]]:
    """This run's jobs that did not complete, by the task that has waited for them."""
    found = {}
    for task_id in ("tune_model", "train_model"):
        # Where the task failed in the end they are an XCom of their own, else a part of its result.
        result = ti.xcom_pull(task_ids=task_id) or {}
        found[task_id] = ti.xcom_pull(task_ids=task_id, key=ATTEMPTS) or result.get(ATTEMPTS) or []
    return found


def _write_report(
    storage: Storage,
    keys: Keys,
    run_name: str,
    params: Mapping[str, Any],
    ti: Any,
    results: dict[str, Any],
    failures: Mapping[str, str | None],
) -> dict[str, Any]:
    """The report as far as the run has come, to S3; its address to the task's link."""
    prepared, evaluated = results.get("prepare_dataset") or {}, results.get("evaluate_model") or {}
    uris = {**prepared.get("data", {}).get("uris", {}), "evaluation": evaluated.get("evaluation_uri")}
    run = Run(
        hashtag=keys.hashtag, date=keys.date, dag_id=ti.dag_id, run_id=ti.run_id, name=run_name,
        code_version=__version__, parameters=params, states=_states(ti),
        files={"data_" + name if name == "report" else name: uri for name, uri in uris.items()}
        | {"report": storage.uri(keys.run(run_name) + "report.html")},
        failures=failures, attempts=_attempts(ti),
    )  # fmt: skip
    reigning = _registry(storage, keys).champion()
    crowned = champion.history_entry(reigning) if reigning else None
    past = history.recall(storage, keys, crowned)
    data, evaluation = (
        storage.read_json(storage.key_of(uri)) if uri else None for uri in (uris.get("report"), uris["evaluation"])
    )
    report = describe_run(run, results, data, evaluation, past)
    url = publish(storage, keys, run_name, report)
    ti.xcom_push(key=REPORT_URL, value=url)
    return {**report, "url": url}
