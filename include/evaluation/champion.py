"""The champion, which is the newest model that was found good, beside a candidate, on the candidate's test tweets."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from include.aws.registry import Version
from include.aws.storage import Storage
from include.blazingtext.model import LocalModel, Prediction
from include.config.errors import DataError, EvaluationError
from include.evaluation.comparison import Comparison, compare

DATE, RULE, TRAINING_JOB, ACCURACY = "date", "rule", "training_job", "accuracy"
"""Properties of a version."""


@dataclass(frozen=True, slots=True)
class ChampionComparison:
    """What became of it."""

    champion: Version | None
    comparison: Comparison | None
    """None where there is no champion, or none that can be compared."""
    verdict: str

    @property
    def date(self) -> str | None:
        """The date of the champion's tweets."""
        return self.champion.properties.get(DATE) if self.champion else None

    def as_dict(self) -> dict[str, Any]:
        """For the report."""
        champion = self.champion
        return {
            "verdict": self.verdict,
            "version": champion.number if champion else None,
            "model_package_arn": champion.arn if champion else None,
            "date": self.date,
            "training_job": champion.properties.get(TRAINING_JOB) if champion else None,
            "accuracy_when_registered": champion.properties.get(ACCURACY) if champion else None,
            "comparison": asdict(self.comparison) if self.comparison else None,
        }


def compare_with_champion(
    champion: Version | None,
    rule: str,
    test: Sequence[tuple[str, str]],
    predictions: Sequence[Prediction],
    storage: Storage,
    folder: Path,
) -> ChampionComparison:
    """
    Let the champion answer the test tweets, where that is fair.

    :param rule: by which the candidate's tweets were prepared. Under the same rule no test tweet can have been among
        those that the champion was trained on; under another that is not known, so the two are not compared.
    :param test: labels and instances
    :param predictions: the candidate's
    :param folder: for the champion's model, for the time being
    """
    if champion is None:
        return ChampionComparison(
            None, None, "There was no champion to compare with: no other model of this hashtag was approved."
        )
    name = f"the champion (version {champion.number}, {champion.properties.get(DATE, 'of no known date')})"
    if champion.properties.get(RULE) != rule:
        return ChampionComparison(
            champion,
            None,
            f"Not compared with {name}: labels, recipe or split are not known to be the same, so that it may have been "
            f"trained on these test tweets.",
        )
    try:
        artifact = storage.download(storage.key_of(champion.artifact), folder / "model.tar.gz")
        model = LocalModel(artifact, folder)
    except (DataError, EvaluationError) as error:
        return ChampionComparison(champion, None, f"Not compared with {name}: {error}.")
    answers = model.predict([instance for _, instance in test])
    comparison = compare(
        [label for label, _ in test],
        [prediction.label for prediction in predictions],
        [prediction.label for prediction in answers],
    )
    return ChampionComparison(champion, comparison, _verdict(name, comparison))


def _verdict(name: str, comparison: Comparison) -> str:
    tweets = comparison.tweets
    return (
        f"On the same {tweets:,} test tweets {name} is right on {comparison.other_right / tweets:.1%}, this model on "
        f"{comparison.right / tweets:.1%}: {comparison.in_words()}."
    )


def history_entry(champion: Version) -> dict[str, Any] | None:
    """Its figures as `include.report.history` keeps them; None where they were not registered, or not by us."""
    properties = champion.properties
    try:
        low, high = float(properties["accuracy_low"]), float(properties["accuracy_high"])
        return {
            "date": properties[DATE],
            "training_job": properties[TRAINING_JOB],
            "accuracy": float(properties[ACCURACY]),
            "accuracy_interval": [low, high],
            "majority_accuracy": float(properties["majority_accuracy"]),
            "tweets": int(properties["test_tweets"]),
        }
    except (KeyError, ValueError):
        return None
