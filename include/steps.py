"""The functions that the DAG wraps with task(): each is one line of the story, in terms of the other modules."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice, zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include import __version__
from include.blazingtext.baseline import MAX_TRAINING_TWEETS, linear_baseline
from include.blazingtext.evaluation import decide, evaluate
from include.blazingtext.hyperparameters import HYPERPARAMETERS, to_request
from include.blazingtext.predictions import LocalModel, Prediction, check_same, parse_answer
from include.blazingtext.requests import endpoint_request, invocation, training_request
from include.errors import DataError, RunFailed
from include.names import Keys, date_of_tweets, fingerprint, training_job_name
from include.outcome import describe_outcome, failed_tasks
from include.ownership import ownership_tags
from include.settings import Settings
from include.storage import Storage
from include.text.prepare import PrepareSettings, Source, prepare
from include.text.split import SPLITS, Split
from include.text.supervised import parse_example
from include.text.tokens import instance

SMOKE_TEST_INSTANCES = 10


def prepare_dataset(
    hashtag: str,
    date: str,
    run_name: str,
    owner: str,
    labels: dict[str, str],
    recipe: str,
    min_confidence: float,
    params: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Read, check, clean, tokenise and split the labelled tweets; upload the channels and a report on the data."""
    assert params is not None
    settings, storage, keys = _connect(hashtag, date)
    with TemporaryDirectory(prefix="prepare-") as folder:
        sources, dates = _fetch_tweets(storage, keys, params["window_days"], Path(folder) / "in")
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
        data = _upload_data(storage, keys, out)
    request = _training_request(settings, storage, keys, data, params, owner)
    summary = {key: report[key] for key in ("rows", "tweets", "splits", "majority", "memory_accuracy", "warnings")}
    return {"training_request": request, "dates": dates, "data": data, "summary": summary, "recipe": recipe}


def _connect(hashtag: str, date: str) -> tuple[Settings, Storage, Keys]:
    settings = Settings.from_environment()
    return settings, Storage.connect(settings.bucket), Keys(settings.prefix, hashtag, date)


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
        tags=ownership_tags(owner, f"training of {keys.hashtag} {keys.date}"),
    )


def _fetch_tweets(storage: Storage, keys: Keys, window_days: int, folder: Path) -> tuple[list[Source], list[str]]:
    """Download the part files of the window's dates that exist; later dates have the last word on labels."""
    by_date = _tweets_by_date(storage, keys)
    dates = sorted(date for date in by_date if date <= keys.date)[-window_days:]
    if keys.date not in dates:
        raise DataError(f"There are no labelled tweets below {storage.uri(keys.tweets)}")
    sources: list[Source] = []
    for rank, date in enumerate(dates):
        for key in by_date[date]:
            path = storage.download(key, folder / str(len(sources)))  # a key may hold anything, dots above all
            sources.append(Source.from_path(path, key.removeprefix(keys.hashtag_tweets), rank))
    return sources, dates


def _tweets_by_date(storage: Storage, keys: Keys) -> dict[str, list[str]]:
    by_date: dict[str, list[str]] = {}
    for key in storage.list_keys(keys.hashtag_tweets):
        if date := date_of_tweets(key, keys.hashtag_tweets):
            by_date.setdefault(date, []).append(key)
    return by_date


def _upload_data(storage: Storage, keys: Keys, out: Path) -> dict[str, Any]:
    """Upload what prepare wrote, below a key that depends on its content: no run overwrites another one's data."""
    files = {split: f"{split}.txt" for split in SPLITS} | {"report": "report.json", "rejected": "rejected.csv"}
    digests = {name: hashlib.sha256((out / file).read_bytes()).hexdigest() for name, file in files.items()}
    prefix = keys.data(fingerprint(digests))
    for name, file in files.items():
        storage.upload(out / file, f"{prefix}{name}/{file}" if name in SPLITS else prefix + file)
    uris = {split: storage.uri(f"{prefix}{split}/") for split in SPLITS}
    return {"uris": uris, "sha256": digests, "report": storage.uri(f"{prefix}report.json")}


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
) -> dict[str, Any]:
    """Score the trained model on the frozen test split, and decide whether it is deployed."""
    assert params is not None
    settings, storage, keys = _connect(hashtag, date)
    with TemporaryDirectory(prefix="evaluate-") as folder:
        artifact = storage.download(storage.key_of(trained["model_uri"]), Path(folder) / "model.tar.gz")
        model = LocalModel(artifact, Path(folder))
        test, train = (_examples(storage, prepared, split, Path(folder)) for split in ("test", "train"))
        predictions = model.predict([instance for _, instance in test])
        evaluation = evaluate([label for label, _ in test], predictions, list(labels.values()))
        baseline = linear_baseline(train, test, params["word_ngrams"])
        report = storage.read_json(storage.key_of(prepared["data"]["report"]))
        smoke_tests = _smoke_tests(model, report["samples"], prepared["recipe"])
    verdict = " ".join([evaluation.verdict(), *([baseline.verdict(evaluation)] if baseline else [])])
    print(verdict)
    newest_date = max(_tweets_by_date(storage, keys))
    decision = decide(evaluation, params["deploy"], date, newest_date, params["min_gain"])
    print(decision.reason)
    return {
        "evaluation": {
            **asdict(evaluation),
            "linear_baseline": asdict(baseline) if baseline else None,
            "verdict": verdict,
        },
        "decision": decision.as_dict(),
        "smoke_tests": smoke_tests,
        "smoke_test_request": invocation([test["instance"] for test in smoke_tests], k=len(model.labels)),
        "endpoint_request": endpoint_request(
            name=run_name,
            image=trained["image"],
            role_arn=settings.role_arn,
            model_uri=trained["model_uri"],
            instance_type=params["endpoint_instance_type"],
        ),
    }


def _examples(storage: Storage, prepared: dict[str, Any], split: Split, folder: Path) -> list[tuple[str, str]]:
    """Labels and instances of a prepared split."""
    key = storage.key_of(prepared["data"]["uris"][split]) + f"{split}.txt"
    with storage.download(key, folder / f"{split}.txt").open(encoding="utf-8") as lines:
        return [parse_example(line) for line in islice(lines, MAX_TRAINING_TWEETS if split == "train" else None)]


def _smoke_tests(model: LocalModel, samples: list[dict[str, str]], recipe: str) -> list[dict[str, Any]]:
    """Known tweets of each label, with the evaluated model's own answers."""
    by_label: dict[str, list[dict[str, str]]] = {}
    for sample in samples:
        by_label.setdefault(sample["label"], []).append(sample)
    # The first of each label, then the second of each, so that no label is left out.
    samples = [sample for round_ in zip_longest(*by_label.values()) for sample in round_ if sample is not None]
    samples = samples[: max(SMOKE_TEST_INSTANCES, len(by_label))]
    instances = [instance(sample["cell"], recipe) for sample in samples]  # type: ignore[arg-type]
    return [
        {
            "label": sample["label"], "text": sample["text"], "instance": tokens,
            "expected": prediction.probabilities,
        }
        for sample, tokens, prediction in zip(samples, instances, model.predict(instances), strict=True)
    ]  # fmt: skip


def check_smoke_test(answer: bytes, smoke_tests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Each tweet with the endpoint's answer.

    :raises EvaluationError: the answer is of the wrong form or not the evaluated model's
    """
    answered = parse_answer(answer)
    check_same([Prediction(test["expected"]) for test in smoke_tests], answered)
    return [
        {
            "text": test["text"], "label": test["label"], "predicted": prediction.label,
            "probability": prediction.probability,
        }
        for test, prediction in zip(smoke_tests, answered, strict=True)
    ]  # fmt: skip


def record_outcome(hashtag: str, date: str, run_name: str, ti: Any = None) -> dict[str, Any]:
    """Write the run's report, and fail where any task failed: this task's state is the run's truth."""
    _, storage, keys = _connect(hashtag, date)
    states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {})
    results = {task_id: ti.xcom_pull(task_ids=task_id) for task_id in states if task_id != ti.task_id}
    report = describe_outcome(hashtag, date, ti.dag_id, ti.run_id, states, results)
    report["report"] = storage.uri(keys.run(run_name) + "report.json")
    storage.write_json(report, storage.key_of(report["report"]))
    print(f"{report['outcome']}\nReport: {report['report']}")
    if failed := failed_tasks(states):
        raise RunFailed(f"The run failed at {', '.join(failed)}: see the log of that task.")
    return {key: report[key] for key in ("outcome", "report")}
