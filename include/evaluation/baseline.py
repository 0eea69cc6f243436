"""A simple second model on the same words: what it finds tells weak data from a weak model."""

from collections.abc import Sequence
from dataclasses import dataclass

from include.blazingtext.model import Prediction
from include.evaluation.comparison import Comparison, compare
from include.evaluation.metrics import CONFIDENCE, Evaluation, Interval

MORE_IN_THE_DATA = "there is more in the data than this model has found."
MAX_TRAINING_TWEETS = 50_000
"""Enough for a comparison. The train split is shuffled, so that the first ones are a sample."""


@dataclass(frozen=True, slots=True)
class LinearBaseline:
    """Logistic regression on the counts of words and word n-grams."""

    training_tweets: int
    accuracy: float
    accuracy_interval: Interval
    """Wilson's 95 % interval."""
    comparison: Comparison
    """Of the evaluated model with this one."""

    def verdict(self, evaluation: Evaluation) -> str:
        """What it says of the evaluated model and of the data."""
        low, high = self.accuracy_interval
        figures = f"A linear model on the same words is right on {self.accuracy:.1%} ({low:.1%} to {high:.1%})"
        if self.comparison.significantly_worse:
            return f"{figures}, and beside it this model is {self.comparison.in_words()}: {MORE_IN_THE_DATA}"
        if evaluation.beats_majority_beyond_chance:
            return f"{figures}."
        if low > evaluation.majority_accuracy:
            return f"{figures}: {MORE_IN_THE_DATA}"
        return (
            f"{figures}, and not shown to be better than the majority either: the data, not the model, are the limit."
        )


def linear_baseline(
    train: Sequence[tuple[str, str]],
    test: Sequence[tuple[str, str]],
    predictions: Sequence[Prediction],
    word_ngrams: int,
) -> LinearBaseline | None:
    """
    Fit on the train split, score on the test split; None where the train split holds one label only.

    :param train: labels and instances (tokens between blanks), as `parse_example` gives them
    :param predictions: the evaluated model's, for the test split
    :param word_ngrams: up to so many words in a row, as in the evaluated model
    """
    from scipy.stats import binomtest
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    train = train[:MAX_TRAINING_TWEETS]
    if len({label for label, _ in train}) < 2:
        return None
    words = CountVectorizer(
        tokenizer=str.split, token_pattern=None, lowercase=False, binary=True, ngram_range=(1, word_ngrams)
    )
    model = make_pipeline(words, LogisticRegression(max_iter=500, random_state=0))
    model.fit([instance for _, instance in train], [label for label, _ in train])
    guesses = model.predict([instance for _, instance in test])
    comparison = compare([label for label, _ in test], [prediction.label for prediction in predictions], guesses)
    right = comparison.other_right
    interval = binomtest(right, len(test)).proportion_ci(CONFIDENCE, method="wilson")
    return LinearBaseline(len(train), right / len(test), (float(interval.low), float(interval.high)), comparison)
