"""A trained model of BlazingText, read from SageMaker's artifact: its predictions and its heaviest words."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np

from include.blazingtext.inference import prediction_of
from include.blazingtext.model_archive import MODEL_FILE, extract_model
from include.blazingtext.model_process import ModelError, ModelProcess
from include.config.errors import EvaluationError
from include.predictions import Prediction
from include.tweets.supervised import LABEL_PREFIX

MAX_WEIGHED_WORDS = 20_000
"""`heaviest_words` looks at this many of the most frequent words, to limit its memory."""
INSTANCES_AT_ONCE = 1000


class LocalModel:
    """
    A trained model, loaded with fastText from SageMaker's artifact, in a process of its own: a context manager.

    :param artifact: model.tar.gz, which contains BlazingText's model.bin, or model.bin itself
    :param folder: where to extract model.bin; it must stay there
    :raises EvaluationError: the artifact contains no readable supervised model; any method raises it, too, if the model
        ends its process
    """

    def __init__(self, artifact: Path, folder: Path):
        try:
            self._process = ModelProcess(artifact if artifact.suffix == ".bin" else _extracted(artifact, folder))
        except ValueError as error:
            raise EvaluationError(f"{artifact.name} contains no model.bin that fastText can read: {error}") from None
        self.labels = [label.removeprefix(LABEL_PREFIX) for label in self._process.labels]
        self.word_ngrams = self._process.word_ngrams
        """The maximum length of an n-gram, in words."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.close()

    def predict(self, instances: Iterable[str]) -> Iterator[Prediction]:
        """Predict the probabilities of all labels for tokenised texts, some at a time."""
        for batch in _batches(instances):
            with _as_evaluation_errors():
                answers = self._process.predict(batch, k=len(self.labels))
            yield from (prediction_of(labels, probabilities) for labels, probabilities in answers)

    def heaviest_words(self, count: int, min_occurrences: int) -> dict[str, list[dict[str, Any]]]:
        """
        The words with the largest weights for each label. A word's weight is the label's score (logit) for this word
        alone, minus the mean score of all labels. n-grams have weights, too, but the model keeps only their hashes.

        :param count: maximum number of words for each label
        :param min_occurrences: ignore words that are rarer in the train split
        """
        with _as_evaluation_errors():
            found = self._process.weights(min_occurrences, MAX_WEIGHED_WORDS)
        of_words, of_labels = (
            np.frombuffer(rows, np.float32).reshape(-1, self._process.dimension)
            for rows in (found.of_words, found.of_labels)
        )
        scores = of_words @ of_labels.T
        weights = scores - scores.mean(axis=1, keepdims=True)
        return {label: _heaviest(found.words, weights[:, column], count) for column, label in enumerate(self.labels)}


def _heaviest(words: Sequence[tuple[str, int]], weights: "np.ndarray", count: int) -> list[dict[str, Any]]:
    return [
        {"word": words[row][0], "weight": float(weights[row]), "occurrences": words[row][1]}
        for row in np.argsort(-weights, kind="stable")[:count]
        if weights[row] > 0
    ]


def _extracted(artifact: Path, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with artifact.open("rb") as archive:
        extract_model(archive, folder / MODEL_FILE)
    return folder / MODEL_FILE


def _batches(instances: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(instances)
    while batch := list(islice(remaining, INSTANCES_AT_ONCE)):
        yield batch


@contextmanager
def _as_evaluation_errors() -> Iterator[None]:
    try:
        yield
    except ModelError as error:
        raise EvaluationError(str(error)) from None
