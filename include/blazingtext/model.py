"""What models and endpoints answer, in one form, and whether two of them answer the same."""

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
"""Far above the rounding of float32 in JSON, far below a difference that a person could see."""

MAX_WEIGHED_WORDS = 20_000
"""The most frequent ones."""
END_OF_LINE = "</s>"
"""fastText's own token, in every tweet."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Probabilities by label, the most probable first; none where the model knows not one of the words."""

    probabilities: dict[str, float]

    @property
    def label(self) -> str:
        """The most probable label; empty, and so wrong, where there is no answer."""
        return next(iter(self.probabilities), "")

    @property
    def probability(self) -> float:
        return self.probabilities.get(self.label, 0.0)


class LocalModel:
    """
    A trained model, out of SageMaker's artifact.

    :param artifact: model.tar.gz, with BlazingText's model.bin in it, which fastText reads
    :param folder: where model.bin may be put
    :raises EvaluationError: the artifact holds no readable supervised model
    """

    def __init__(self, artifact: Path, folder: Path):
        import fasttext

        try:
            with tarfile.open(artifact, "r:gz") as archive:
                member = archive.extractfile("model.bin")  # not extract(): its filters are of Python 3.11.4
                if member is None:
                    raise EvaluationError(f"{artifact.name} holds no file model.bin")
                folder.mkdir(parents=True, exist_ok=True)
                with (folder / "model.bin").open("wb") as file:
                    shutil.copyfileobj(member, file)
            self._model = fasttext.load_model(str(folder / "model.bin"))
        except (tarfile.TarError, KeyError, OSError, EOFError, ValueError) as error:
            raise EvaluationError(f"{artifact.name} holds no model.bin that fastText can read: {error}") from None
        self.labels = [label.removeprefix(LABEL_PREFIX) for label in self._model.labels]

    def predict(self, instances: Sequence[str]) -> list[Prediction]:
        """Probabilities of every label for tokenised instances."""
        return [self._predict(instance) for instance in instances]

    def heaviest_words(self, count: int, min_occurrences: int) -> dict[str, list[dict[str, Any]]]:
        """
        The words that speak most for each label: by how much a word, alone, raises the label's score (a logit) above
        the mean of all labels. Pairs of words weigh as well, but BlazingText keeps only their hashes.

        :param count: so many words for each label at most
        :param min_occurrences: rarer words of the train split are passed over
        """
        import numpy as np

        words, occurrences = self._model.get_words(include_freq=True)  # the most frequent first
        known = [
            (word, int(often))
            for word, often in zip(words[:MAX_WEIGHED_WORDS], occurrences, strict=False)
            if often >= min_occurrences and word != END_OF_LINE
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
    Predictions out of an endpoint's application/json answer.

    :raises EvaluationError: the answer is not of BlazingText's form
    """
    try:
        answers: Any = json.loads(body)
        return [_prediction(answer["label"], answer["prob"]) for answer in answers]
    except (ValueError, KeyError, TypeError) as error:
        shown = body[:200] if isinstance(body, str) else body[:200].decode("utf-8", "replace")
        raise EvaluationError(f"the endpoint's answer is not of BlazingText's form ({error!r}): {shown}") from None


def check_same(expected: Sequence[Prediction], answered: Sequence[Prediction]) -> None:
    """
    :raises EvaluationError: the endpoint's answers are not the evaluated model's answers
    """
    if len(expected) != len(answered):
        raise EvaluationError(f"{len(expected)} tweets were sent and {len(answered)} answers came back")
    for number, (ours, theirs) in enumerate(zip(expected, answered, strict=True), start=1):
        if set(ours.probabilities) != set(theirs.probabilities):
            raise EvaluationError(
                f"tweet {number}: the endpoint knows the labels {sorted(theirs.probabilities)}, the evaluated model "
                f"{sorted(ours.probabilities)}"
            )
        differences = [abs(ours.probabilities[label] - theirs.probabilities[label]) for label in ours.probabilities]
        difference = max(differences, default=0.0)
        if difference > PROBABILITY_TOLERANCE:
            raise EvaluationError(
                f"tweet {number}: the endpoint answers {theirs.label} ({theirs.probability:.4f}), the evaluated model "
                f"{ours.label} ({ours.probability:.4f}): another model is deployed than was evaluated"
            )


def _prediction(labels: Sequence[str], probabilities: Sequence[float]) -> Prediction:
    # fastText's float32 probabilities can be a hair above 1.
    return Prediction(
        {
            label.removeprefix(LABEL_PREFIX): min(float(probability), 1.0)
            for label, probability in zip(labels, probabilities, strict=True)
        }
    )
