"""Predictions of a model or an endpoint in one form, and a check that both predict the same."""

import json
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.config.errors import EvaluationError
from include.tweets.tokens import LABEL_PREFIX

PROBABILITY_TOLERANCE = 1e-3
"""Far above the rounding errors of float32 in JSON, and far below the difference between two models."""

MAX_WEIGHED_WORDS = 20_000
"""`heaviest_words` looks at this many of the most frequent words, to limit its memory."""
END_OF_LINE = "</s>"
"""fastText adds this token to every tweet."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Probabilities by label, the most probable first. Empty if the model knows none of the tweet's words."""

    probabilities: dict[str, float]

    @property
    def label(self) -> str:
        """The most probable label; an empty string, which counts as wrong, if there is none."""
        return next(iter(self.probabilities), "")

    @property
    def probability(self) -> float:
        return self.probabilities.get(self.label, 0.0)


class LocalModel:
    """
    A trained model, loaded with fastText from SageMaker's artifact.

    :param artifact: model.tar.gz, which contains BlazingText's model.bin
    :param folder: where to extract model.bin
    :raises EvaluationError: the artifact contains no readable supervised model
    """

    def __init__(self, artifact: Path, folder: Path):
        import fasttext

        try:
            with tarfile.open(artifact, "r:gz") as archive:
                # Not extract(): without a filter it is unsafe, and filters need Python 3.11.4.
                member = archive.extractfile("model.bin")
                if member is None:
                    raise EvaluationError(f"model.bin in {artifact.name} is not a file")
                folder.mkdir(parents=True, exist_ok=True)
                with (folder / "model.bin").open("wb") as file:
                    shutil.copyfileobj(member, file)
            self._model = fasttext.load_model(str(folder / "model.bin"))
        except (tarfile.TarError, KeyError, OSError, EOFError, ValueError) as error:
            raise EvaluationError(f"{artifact.name} contains no model.bin that fastText can read: {error}") from None
        self.labels = [label.removeprefix(LABEL_PREFIX) for label in self._model.labels]

    def predict(self, instances: Sequence[str]) -> list[Prediction]:
        """Predict the probabilities of all labels for tokenised texts."""
        return [self._predict(instance) for instance in instances]

    def heaviest_words(self, count: int, min_occurrences: int) -> dict[str, list[dict[str, Any]]]:
        """
        The words with the largest weights for each label. A word's weight is the label's score (logit) for this word
        alone, minus the mean score of all labels. n-grams have weights, too, but the model keeps only their hashes.

        :param count: maximum number of words for each label
        :param min_occurrences: ignore words that are rarer in the train split
        """
        import numpy as np

        words, counts = self._model.get_words(include_freq=True)  # the most frequent first
        known = [
            (word, int(occurrences))
            for word, occurrences in zip(words[:MAX_WEIGHED_WORDS], counts, strict=False)
            if occurrences >= min_occurrences and word != END_OF_LINE
        ]
        if not known:
            return {label: [] for label in self.labels}
        vectors = np.stack([self._model.get_word_vector(word) for word, _ in known])
        scores = vectors @ self._model.get_output_matrix().T
        weights = scores - scores.mean(axis=1, keepdims=True)
        return {
            label: [
                {"word": known[row][0], "weight": float(weights[row, column]), "occurrences": known[row][1]}
                for row in np.argsort(-weights[:, column], kind="stable")[:count]
                if weights[row, column] > 0
            ]
            for column, label in enumerate(self.labels)
        }

    def _predict(self, instance: str) -> Prediction:
        labels, probabilities = self._model.predict(instance, k=len(self.labels))
        return _prediction(labels, probabilities)


def parse_answer(body: bytes | str) -> list[Prediction]:
    """
    Read predictions from an endpoint's application/json answer.

    :raises EvaluationError: the answer is not in BlazingText's format
    """
    try:
        answers: Any = json.loads(body)
        return [_prediction(answer["label"], answer["prob"]) for answer in answers]
    except (ValueError, KeyError, TypeError) as error:
        shown = body[:200] if isinstance(body, str) else body[:200].decode("utf-8", "replace")
        raise EvaluationError(f"the endpoint's answer is not in BlazingText's format ({error!r}): {shown}") from None


def check_same(expected: Sequence[Prediction], answered: Sequence[Prediction]) -> None:
    """
    Check that an endpoint predicts the same as the evaluated model.

    :raises EvaluationError: the predictions differ
    """
    if len(expected) != len(answered):
        raise EvaluationError(f"the endpoint answered {len(answered)} of {len(expected)} tweets")
    for number, (ours, theirs) in enumerate(zip(expected, answered, strict=True), start=1):
        if set(ours.probabilities) != set(theirs.probabilities):
            raise EvaluationError(
                f"tweet {number}: the endpoint predicts the labels {sorted(theirs.probabilities)}, the evaluated model "
                f"{sorted(ours.probabilities)}"
            )
        differences = [abs(ours.probabilities[label] - theirs.probabilities[label]) for label in ours.probabilities]
        difference = max(differences, default=0.0)
        if difference > PROBABILITY_TOLERANCE:
            raise EvaluationError(
                f"tweet {number}: the endpoint predicts {theirs.label} ({theirs.probability:.4f}), the evaluated model "
                f"{ours.label} ({ours.probability:.4f}). The endpoint serves another model"
            )


def _prediction(labels: Sequence[str], probabilities: Sequence[float]) -> Prediction:
    # fastText's float32 probabilities can exceed 1 by a rounding error.

    return Prediction(
        {
            label.removeprefix(LABEL_PREFIX): min(float(probability), 1.0)
            for label, probability in zip(labels, probabilities, strict=True)
        }
    )
