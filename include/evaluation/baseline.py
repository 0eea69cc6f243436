"""
A linear baseline: a simple second model on the same words.

If it is better than the evaluated model, that model can be improved. If neither beats the majority baseline, and the
intervals are narrow, the data are the limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from include.evaluation.comparison import Comparison, compare
from include.evaluation.intervals import Interval, wilson_interval
from include.evaluation.metrics import Evaluation
from include.evaluation.ngrams import ngram_matrix

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

BETTER_MODEL_IS_POSSIBLE = "The data allow a better model than this one."
ONLY_THE_LINEAR_MODEL_BEATS_THE_MAJORITY = (
    "It is significantly better than the majority baseline, but not than this model: the test tweets are too few to "
    "tell the two apart."
)
DATA_ARE_THE_LIMIT = "The limit is probably the data: models of words and n-grams find hardly anything in them."
TOO_FEW_TO_TELL = (
    "The test tweets are too few to tell whether the data or the model are the limit. Add dates (window_days)."
)
ACCURACY_SAYS_LITTLE = (
    "One label is so common that the accuracy tells little of the data: look at the balanced accuracy, and at the "
    "recall of the rare labels."
)
MAX_MAJORITY_OF_A_VERDICT = 0.8
"""Above this, the accuracy can hardly exceed the majority baseline's, whatever the data hold."""
MAX_GAIN_OF_WEAK_DATA = 0.05
"""
The data are the limit if both models are certainly less than this better than the majority baseline. The interval must
be narrow, too: of three tweets all may have the majority's label.
"""
MAX_TRAINING_TWEETS = 50_000
"""Enough for a comparison. The train split is shuffled, so its first tweets are a random sample."""
PASSES = 5
"""Over the train split."""
MIN_TWEETS_OF_AN_NGRAM = 2
MAX_WEIGHTS = 5_000_000
"""n-grams times labels. With many labels, only the most frequent n-grams are used, to limit the memory."""
TWEETS_AT_ONCE = 10_000
"""Predicted together. The memory is this number times the number of labels."""


@dataclass(frozen=True, slots=True)
class LinearBaseline:
    """Logistic regression on the presence of words and word n-grams."""

    training_tweets: int
    accuracy: float
    accuracy_interval: Interval
    """Wilson's 95 % confidence interval."""
    comparison: Comparison
    """Of the evaluated model with this one."""

    def verdict(self, evaluation: Evaluation) -> str:
        """What this baseline says about the evaluated model and the data, in sentences."""
        low, high = self.accuracy_interval
        majority = evaluation.majority_accuracy
        sentences = [
            f"A linear model on the same words has an accuracy of {self.accuracy:.1%} ({low:.1%} to {high:.1%})."
        ]
        if self.comparison.significantly_worse:
            sentences.append(f"This model is {self.comparison.in_words('the linear model')}.")
        if low > majority and self.comparison.significantly_worse:
            sentences.append(BETTER_MODEL_IS_POSSIBLE)
        elif low > majority and not evaluation.significantly_beats_majority:
            sentences.append(ONLY_THE_LINEAR_MODEL_BEATS_THE_MAJORITY)
        elif not evaluation.significantly_beats_majority:
            sentences += ["Neither is significantly better than the majority baseline.", self._limit(evaluation)]
        return " ".join(sentences)

    def _limit(self, evaluation: Evaluation) -> str:
        """What limits the accuracy, if neither model beats the majority baseline."""
        low, high = self.accuracy_interval
        majority = evaluation.majority_accuracy
        if high - low >= 2 * MAX_GAIN_OF_WEAK_DATA:
            return TOO_FEW_TO_TELL
        if majority > MAX_MAJORITY_OF_A_VERDICT:
            return ACCURACY_SAYS_LITTLE
        highest = max(high, evaluation.accuracy_interval[1])
        return DATA_ARE_THE_LIMIT if highest < majority + MAX_GAIN_OF_WEAK_DATA else TOO_FEW_TO_TELL

    def warning(self, evaluation: Evaluation) -> str | None:
        """What people should know first if this baseline is significantly better than the model, and what helps."""
        if not (self.comparison.significantly_worse and self.accuracy_interval[0] > evaluation.majority_accuracy):
            return None
        gain = 100 * (self.accuracy - evaluation.accuracy)
        return (
            f"A simple linear model is better than this one by {gain:.1f} percentage points on the test tweets. Tuning "
            f"(tune), other hyperparameters or more dates (window_days) may help."
        )


def linear_baseline(
    train: Sequence[tuple[str, str]], test: Sequence[tuple[str, str]], predicted: Sequence[str], word_ngrams: int
) -> LinearBaseline | None:
    """
    Fit on the train split and test on the test split; None if the train split contains only one label.

    :param train: labels and instances (tokens separated by spaces), as `parse_example` returns them
    :param predicted: the labels that the evaluated model predicts for the test split
    :param word_ngrams: the maximum length of an n-gram, as in the evaluated model
    """
    train = train[:MAX_TRAINING_TWEETS]
    labels = [label for label, _ in train]
    if len(set(labels)) < 2:
        return None
    guesses = _guesses(labels, [instance for _, instance in (*train, *test)], word_ngrams)
    comparison = compare([label for label, _ in test], predicted, guesses)
    correct = comparison.other_right
    return LinearBaseline(len(train), correct / len(test), wilson_interval(correct, len(test)), comparison)


def _guesses(labels: Sequence[str], instances: Sequence[str], word_ngrams: int) -> list[str]:
    """
    Fit on the instances that have labels, which come first; predict the labels of the rest.

    The averaged gradient descent is as good as the exact minimum here, and does not need the time and the memory of a
    solver that keeps several copies of all weights (docs/report.md).
    """
    from sklearn.linear_model import SGDClassifier

    matrix = ngram_matrix(instances, word_ngrams)
    train, test = matrix[: len(labels)], matrix[len(labels) :]
    repeated = _frequent(train.getnnz(axis=0), MAX_WEIGHTS // len(set(labels)))
    model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=PASSES, tol=None, average=True, random_state=0)
    # The threads of the linear algebra wait for each other: on a busy machine they take many times as long as one.
    with _thread_pools().limit(limits=1):
        model.fit(train[:, repeated], labels)
        test = test[:, repeated]
        batches = range(0, test.shape[0], TWEETS_AT_ONCE)
        return [str(label) for start in batches for label in model.predict(test[start : start + TWEETS_AT_ONCE])]


@cache
def _thread_pools() -> "ThreadpoolController":
    """Of the linear algebra's libraries. To find them takes longer than a small model."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _frequent(tweets: np.ndarray, count: int) -> np.ndarray:
    """
    The columns of the most frequent n-grams, but of none that a single tweet has.

    :param tweets: the number of train tweets with each n-gram
    """
    chosen = np.argsort(-tweets, kind="stable")[:count]
    return np.sort(chosen[tweets[chosen] >= MIN_TWEETS_OF_AN_NGRAM])
