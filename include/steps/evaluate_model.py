"""Evaluate the trained model, and decide whether it is deployed."""

import datetime
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include.aws.dataset import (
    DistinctTestTweets,
    PreparedData,
    newer_date,
    read_distinct_test_tweets,
    read_examples,
)
from include.blazingtext.model import LocalModel, Prediction
from include.blazingtext.requests import endpoint_request, invocation
from include.config.printable import printable
from include.evaluation import champion
from include.evaluation.baseline import MAX_TRAINING_TWEETS, linear_baseline
from include.evaluation.gate import Dates, Decision, Gate, decide
from include.evaluation.metrics import Evaluation, evaluate, most_confident_mistakes
from include.evaluation.smoke_tests import smoke_tests
from include.report import history
from include.results import Evaluated, Trained
from include.steps.reporting import write_report
from include.steps.workplace import Workplace

MISTAKES = 20
HEAVIEST_WORDS = 15


def evaluate_model(
    hashtag: str,
    date: str,
    run_name: str,
    labels: dict[str, str],
    data_uri: str,
    trained: dict[str, Any],
    params: Mapping[str, Any] | None = None,
    ti: Any = None,
) -> dict[str, Any]:
    """Evaluate the trained model and the champion on the test split, and decide whether the model is deployed."""
    assert params is not None
    place, job = Workplace.connect(hashtag, date), Trained.from_xcom(trained)
    scored = _score(place, PreparedData(data_uri), job, list(dict.fromkeys(labels.values())))
    decision = _decide(place, scored, job, params)
    print(printable("\n".join([*scored.warnings, *scored.found["verdicts"], decision.reason])))
    history.remember(place.storage, place.keys, job.training_job_name, scored.found)
    result = Evaluated(
        decision=decision,
        evaluation_uri=place.storage.write_json(scored.found, place.keys.run(run_name) + "evaluation.json"),
        endpoint_request=endpoint_request(
            name=run_name,
            image=job.image,
            role_arn=place.settings.role_arn,
            model_uri=job.model_uri,
            instance_type=params["endpoint_instance_type"],
        ),
        smoke_tests=scored.smoke_tests,
        smoke_test_request=invocation([test["instance"] for test in scored.smoke_tests], k=len(scored.model_labels)),
    )
    write_report(place, run_name, params, ti, {evaluate_model.__name__: result.to_xcom()})
    return result.to_xcom()


@dataclass(frozen=True, slots=True)
class _Scored:
    """The results of a model on the test split."""

    evaluation: Evaluation
    against_champion: champion.ChampionComparison
    found: dict[str, Any]
    """The content of evaluation.json."""
    warnings: list[str]
    """About the data and the model."""
    smoke_tests: list[dict[str, Any]]
    model_labels: list[str]


def _score(place: Workplace, data: PreparedData, trained: Trained, labels: list[str]) -> _Scored:
    storage = place.storage
    preparation = storage.read_json(storage.key_of(data.file("report")))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="evaluate-")))
        artifact = storage.download(storage.key_of(trained.model_uri), folder / "model.tar.gz")
        model = stack.enter_context(LocalModel(artifact, folder))
        split = read_distinct_test_tweets(storage, data, folder)
        test = split.examples
        train = read_examples(storage, data, "train", folder, MAX_TRAINING_TWEETS)
        predictions = model.predict([instance for _, instance in test])
        against_champion = champion.compare_with_champion(
            place.registry.champion(besides=trained.model_uri),
            preparation["settings"]["rule"],
            test,
            predictions,
            storage,
            folder / "champion",
        )
        heaviest_words = model.heaviest_words(HEAVIEST_WORDS, min_occurrences=max(3, len(train) // 1000))
        tests = smoke_tests(model, preparation["samples"], preparation["settings"]["recipe"])
    evaluation = evaluate([label for label, _ in test], predictions, labels)
    baseline = linear_baseline(train, test, predictions, int(trained.hyperparameters["word_ngrams"]))
    verdicts = [evaluation.verdict(), *([baseline.verdict(evaluation)] if baseline else []), against_champion.verdict]
    warning = baseline.warning(evaluation) if baseline else None
    found = {
        **asdict(evaluation),
        "warnings": [warning] if warning else [],
        "calibration": evaluation.calibration_in_words(),
        "headline": evaluation.headline(),
        "verdicts": verdicts,
        "linear_baseline": asdict(baseline) if baseline else None,
        "champion": against_champion.as_dict(),
        "mistakes": _mistakes(split, predictions),
        "near_copies": split.near_copies,
        # A model that has not learned to tell the labels apart has no words that tell them.
        "heaviest_words": heaviest_words if evaluation.significantly_beats_majority else {},
    }
    warnings = [*preparation["warnings"], *found["warnings"]]
    return _Scored(evaluation, against_champion, found, warnings, tests, model.labels)


def _decide(place: Workplace, scored: _Scored, trained: Trained, params: Mapping[str, Any]) -> Decision:
    storage, keys = place.storage, place.keys
    own_version = place.registry.find(trained.model_uri, datetime.datetime.fromisoformat(trained.created_at))
    dates = Dates(keys.date, newer_date(storage, keys, storage.today()) or keys.date, scored.against_champion.date)
    manual_approval = own_version.manual_approval if own_version else None
    gate = Gate(params["min_gain"], params["min_test_tweets"])
    return decide(scored.evaluation, scored.against_champion.comparison, gate, params["deploy"], dates, manual_approval)


def _mistakes(split: DistinctTestTweets, predictions: list[Prediction]) -> list[dict[str, Any]]:
    labels = [label for label, _ in split.examples]
    return [
        {
            "text": split.texts[position],
            "label": labels[position],
            "predicted": predictions[position].label,
            "probability": predictions[position].probability,
        }
        for position in most_confident_mistakes(labels, predictions, MISTAKES)
    ]
