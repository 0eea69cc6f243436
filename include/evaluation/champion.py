"""
Comparison of a candidate with the champion, on the candidate's test tweets.

The champion is the newest other version that is Approved in the model registry.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from include.aws.registry import DATE, Version
from include.aws.storage import Storage
from include.blazingtext.model import LocalModel
from include.config.errors import DataError, EvaluationError
from include.evaluation.comparison import Comparison, compare
from include.evaluation.intervals import wilson_interval
from include.tweets.prepared import DistinctTestTweets

RULE, TRAINING_JOB, ACCURACY = "rule", "training_job", "accuracy"
"""Names of properties of a version in the model registry."""


@dataclass(frozen=True, slots=True)
class ChampionComparison:
    """The champion and the comparison with it."""

    champion: Version | None
    comparison: Comparison | None
    """None if there is no champion, or if the two cannot be compared; `verdict` says why."""
    verdict: str
    on_later_tweets: dict[str, Any] | None = None
    """
    The champion's figures on the test tweets that are newer than its own tweets, if there are any: what people get who
    use a model on the tweets of later dates.
    """

    @property
    def date(self) -> str | None:
        """The date of the champion's tweets."""
        return self.champion.properties.get(DATE) if self.champion else None

    def as_dict(self) -> dict[str, Any]:
        """The report's entry."""
        champion = self.champion
        properties = champion.properties if champion else {}
        return {
            "verdict": self.verdict,
            "version": champion.number if champion else None,
            "model_package_arn": champion.arn if champion else None,
            "date": self.date,
            "training_job": properties.get(TRAINING_JOB),
            "accuracy_when_registered": properties.get(ACCURACY),
            "comparison": asdict(self.comparison) if self.comparison else None,
            "on_later_tweets": self.on_later_tweets,
        }


def compare_with_champion(
    champion: Version | None,
    rule: str,
    test: DistinctTestTweets,
    predicted: list[str],
    dates: Sequence[str],
    storage: Storage,
    folder: Path,
) -> ChampionComparison:
    """
    Compare a candidate with the champion, if the champion cannot have been trained on the test tweets.

    :param rule: fingerprint of labels, recipe and split of the candidate's tweets (`PrepareSettings.rule`). A champion
        with the same rule has not been trained on any of the test tweets.
    :param predicted: the labels that the candidate predicts for the test tweets
    :param dates: of the test tweets
    :param folder: temporary folder for the champion's model
    :raises EvaluationError: the label ids of the candidate's tweets look swapped
    """
    if champion is None:
        return ChampionComparison(
            None, None, "There was no champion to compare with: no other model of this hashtag is approved."
        )
    name = f"the champion (version {champion.number}, {champion.properties.get(DATE, 'of unknown date')})"
    if champion.properties.get(RULE) != rule:
        return ChampionComparison(
            champion,
            None,
            f"Not compared with {name}: its labels, recipe or split may differ. It may have been trained on these test "
            "tweets.",
        )
    try:
        artifact = storage.download(storage.key_of(champion.artifact), folder / "model.tar.gz")
        with LocalModel(artifact, folder) as model:
            answers = [prediction.label for prediction in model.predict(test.instances)]
    except (DataError, EvaluationError) as error:
        return ChampionComparison(champion, None, f"Not compared with {name}: {error}.")
    comparison = compare(test.labels, predicted, answers)
    if comparison.contradicts:
        both = comparison.right - comparison.alone_right
        raise EvaluationError(
            f"The label ids look swapped. Of {comparison.tweets:,} test tweets, {name} gets "
            f"{comparison.other_right:,} right, this model {comparison.right:,}, and both only {both:,}. Correct the "
            f"labelled files, or labels in hashtags.yaml. If the labels have changed on purpose, set version "
            f"{champion.number} to Rejected in the model registry."
        )
    verdict, date = _verdict(name, test.labels, comparison), champion.properties.get(DATE, "")
    later = [label == answer for label, answer, day in zip(test.labels, answers, dates, strict=True) if day > date]
    if not (later and date):
        return ChampionComparison(champion, comparison, verdict)
    low, high = interval = wilson_interval(sum(later), len(later))
    accuracy = sum(later) / len(later)
    verdict += (
        f" {len(later):,} of these tweets are newer than the champion's: {accuracy:.1%} ({low:.1%} to {high:.1%}) is "
        f"what a model of {date} has on them."
    )
    figures = {"accuracy": accuracy, "accuracy_interval": interval, "tweets": len(later)}
    return ChampionComparison(champion, comparison, verdict, {"date": date, "version": champion.number, **figures})


def _verdict(name: str, labels: list[str], comparison: Comparison) -> str:
    tweets, (majority, count) = comparison.tweets, Counter(sorted(labels)).most_common(1)[0]
    below = f" The champion is below the majority baseline (always {majority}: {count / tweets:.1%})."
    return (
        f"On the same {tweets:,} test tweets {name} has an accuracy of {comparison.other_right / tweets:.1%}, this "
        f"model {comparison.right / tweets:.1%}. This model is {comparison.in_words('the champion')}."
        f"{below if comparison.other_right < count else ''}"
    )


def history_entry(champion: Version) -> dict[str, Any] | None:
    """The champion's entry for `include.report.history`; None if somebody else registered it, without these figures."""
    properties = champion.properties
    try:
        low, high = float(properties["accuracy_low"]), float(properties["accuracy_high"])
        return {
            "date": properties[DATE],
            "training_job": properties[TRAINING_JOB],
            "version": champion.number,
            "accuracy": float(properties[ACCURACY]),
            "accuracy_interval": [low, high],
            "majority_accuracy": float(properties["majority_accuracy"]),
            "tweets": int(properties["test_tweets"]),
            "report": properties.get("report"),
        }
    except (KeyError, ValueError):
        return None
