"""Evaluate the trained model, and decide whether it is deployed."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from include.aws.company import serving_under
from include.aws.dataset import PreparedData, download_prepared, newer_date
from include.aws.requests import endpoint_request
from include.blazingtext.inference import invocation
from include.config.printable import printable
from include.evaluation import champion
from include.evaluation.gate import Dates, Decision, Gate, decide
from include.evaluation.scoring import Scored, score_model
from include.report import history
from include.results import Evaluated, Prepared, Trained
from include.steps.reporting import write_report
from include.steps.workplace import Workplace
from include.tweets.prepared import DistinctTestTweets


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
    """Evaluate the trained model and the champion on the test split, and decide whether the model is deployed."""
    assert params is not None
    place, job = Workplace.connect(hashtag, date), Trained.from_xcom(trained)
    data = PreparedData(Prepared.from_xcom(prepared).data_uri)
    scored = _score(place, data, job, list(dict.fromkeys(labels.values())))
    decision = _decide(place, scored, job, params)
    print(printable("\n".join([*scored.warnings, *scored.found["verdicts"], decision.reason])))
    history.remember(place.storage, place.keys, run_name, job.training_job_name, scored.found)
    place.storage.write_json(scored.smoke_tests, place.keys.smoke_tests(run_name))
    result = Evaluated(
        decision=decision,
        evaluation_uri=place.storage.write_json(scored.found, place.keys.run(run_name) + "evaluation.json"),
        endpoint_request=serving_under(
            place.rules,
            endpoint_request(
                name=run_name,
                image=job.image,
                role_arn=place.settings.role_arn,
                model_uri=job.model_uri,
                instance_type=params["endpoint_instance_type"],
            ),
        ),
        smoke_tests=scored.smoke_tests,
        smoke_test_request=invocation([test["instance"] for test in scored.smoke_tests], k=len(scored.model_labels)),
    )
    known = {"prepare_dataset": prepared, "train_model": trained, evaluate_model.__name__: result.to_xcom()}
    write_report(place, run_name, params, ti, known)
    return result.to_xcom()


def _score(place: Workplace, data: PreparedData, trained: Trained, labels: list[str]) -> Scored:
    storage = place.storage
    with TemporaryDirectory(prefix="evaluate-") as name:
        folder = Path(name)
        artifact = storage.download(storage.key_of(trained.model_uri), folder / "model.tar.gz")
        prepared = download_prepared(storage, data, folder / "data")

        def compare(test: DistinctTestTweets, predicted: list[str]) -> champion.ChampionComparison:
            current, rule = place.registry.champion(besides=trained.model_uri), prepared.report["settings"]["rule"]
            dates = [file.partition("/")[0] for file in test.files]  # a folder for each date
            return champion.compare_with_champion(current, rule, test, predicted, dates, storage, folder / "champion")

        return score_model(artifact, prepared, labels, compare, folder / "model")


def _decide(place: Workplace, scored: Scored, trained: Trained, params: Mapping[str, Any]) -> Decision:
    storage, keys = place.storage, place.keys
    own_version = place.registry.find(trained.model_uri, datetime.datetime.fromisoformat(trained.created_at))
    dates = Dates(keys.date, newer_date(storage, keys, storage.today()) or keys.date, scored.against_champion.date)
    manual_approval, rolled_back = (
        (own_version.manual_approval, own_version.rolled_back) if own_version else (None, None)
    )
    gate = Gate(params["min_gain"], params["min_test_tweets"], params["gate_metric"])
    comparison = scored.against_champion.comparison
    return decide(scored.evaluation, comparison, gate, params["deploy"], dates, manual_approval, rolled_back)
