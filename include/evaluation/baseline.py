"""
A linear baseline: a simple second model on the same words.

If it is better than the evaluated model, that model can be improved. If neither beats the majority baseline, and the
intervals are narrow, the data are the limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from include.blazingtext.model import Prediction
from include.evaluation.comparison import Comparison, compare
from include.evaluation.metrics import Evaluation, Interval, wilson_interval

BETTER_MODEL_IS_POSSIBLE = "The data allow a better model than this one."
DATA_ARE_THE_LIMIT = "The limit is the data, not the model."
TOO_FEW_TO_TELL = (
    "The test tweets are too few to tell whether the data or the model are the limit. Add dates (window_days)."
)
MAX_GAIN_OF_WEAK_DATA = 0.05
"""
The data are the limit if both models are certainly less than this better than the majority baseline. The interval must
be narrow, too: of three tweets all may have the majority's label.
"""
MAX_TRAINING_TWEETS = 50_000
"""Enough for a comparison. The train split is shuffled, so its first tweets are a random sample."""


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
        if low > majority and (self.comparison.significantly_worse or not evaluation.significantly_beats_majority):
            sentences.append(BETTER_MODEL_IS_POSSIBLE)
        elif not evaluation.significantly_beats_majority:
            both = "Neither is significantly better than the majority baseline."
            highest = max(high, evaluation.accuracy_interval[1])
            is_limit = highest < majority + MAX_GAIN_OF_WEAK_DATA and high - low < 2 * MAX_GAIN_OF_WEAK_DATA
            sentences.append(f"{both} {DATA_ARE_THE_LIMIT if is_limit else TOO_FEW_TO_TELL}")
        return " ".join(sentences)

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
    train: Sequence[tuple[str, str]],
    test: Sequence[tuple[str, str]],
    predictions: Sequence[Prediction],
    word_ngrams: int,
) -> LinearBaseline | None:
    """
    Fit on the train split and score on the test split; None if the train split contains only one label.

    :param train: labels and instances (tokens separated by spaces), as `parse_example` returns them
    :param predictions: the evaluated model's predictions for the test split
    :param word_ngrams: the maximum length of an n-gram, as in the evaluated model
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from threadpoolctl import threadpool_limits

    train = train[:MAX_TRAINING_TWEETS]
    if len({label for label, _ in train}) < 2:
        return None
    words = CountVectorizer(
        tokenizer=str.split, token_pattern=None, lowercase=False, binary=True, ngram_range=(1, word_ngrams)
    )
    model = make_pipeline(words, LogisticRegression(max_iter=500, random_state=0))
    # The threads of the linear algebra wait for each other: on a busy machine they take many times as long as one.
    with threadpool_limits(1):
        model.fit([instance for _, instance in train], [label for label, _ in train])
    guesses = model.predict([instance for _, instance in test])
    comparison = compare([label for label, _ in test], [prediction.label for prediction in predictions], guesses)
    correct = comparison.other_right
    return LinearBaseline(len(train), correct / len(test), wilson_interval(correct, len(test)), comparison)
