"""
The linear baseline of evaluate_model beside the training, in CPU seconds of one thread, on the larger sets of
`benchmarks.data_sets`.

Its accuracy is compared with that of scikit-learn's exact solver on the same n-grams, so that no speed is bought with a
weaker baseline. Aims: at most the training's time, and at most half a percentage point less accuracy on average.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data_sets import DataSet, Rows, data_sets
from include.blazingtext.hyperparameters import recommended
from include.evaluation.baseline import linear_baseline
from local_aws.blazingtext.training import train

MIN_TWEETS = 5_000
"""Below this, both take a fraction of a second."""
MAX_LOSS = 0.005


def main() -> int:
    print(f"{'':<24}{'tweets':>8}{'labels':>8}{'training':>10}{'baseline':>10}{'ratio':>8}{'accuracy':>10}{'exact':>8}")
    ratios, losses = [], []
    with tempfile.TemporaryDirectory() as folder:
        for data in data_sets(Path(folder)):
            rows, test = data.examples("train"), data.examples("test")
            linear_baseline(rows[:100], test[:10], [""] * 10, 2)  # to import what it needs
            if len(rows) < MIN_TWEETS:
                continue
            _, training = _seconds(_train, data, len(rows))
            found, baseline = _seconds(linear_baseline, rows, test, [""] * len(test), 2)
            exact = _exact(rows, test)
            ratios.append(baseline / training)
            losses.append(exact - found.accuracy)
            print(
                f"{data.name:<24}{len(rows):>8,}{len(data.labels):>8}{training:>8.2f} s{baseline:>8.2f} s"
                f"{ratios[-1]:>8.2f}{found.accuracy:>10.3f}{exact:>8.3f}",
                flush=True,
            )
    loss = statistics.mean(losses)
    print(f"largest ratio {max(ratios):.2f}; accuracy below the exact solver's: {100 * loss:+.2f} percentage points")
    return 0 if max(ratios) <= 1 and loss <= MAX_LOSS else 1


def _train(data: DataSet, tweets: int) -> None:
    train(data.path("train"), data.path("validation"), recommended(tweets), lambda line: None)


def _seconds(work: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """The result, and the CPU seconds of all threads."""
    started = time.process_time()
    return work(*arguments), time.process_time() - started


def _exact(train_rows: Rows, test: Rows) -> float:
    """The accuracy of logistic regression on the presence of words and pairs, solved to the end."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from threadpoolctl import threadpool_limits

    words = CountVectorizer(tokenizer=str.split, token_pattern=None, lowercase=False, binary=True, ngram_range=(1, 2))
    model = make_pipeline(words, LogisticRegression(max_iter=500))
    with threadpool_limits(1):
        model.fit([instance for _, instance in train_rows], [label for label, _ in train_rows])
    guesses = model.predict([instance for _, instance in test])
    return float(np.mean([guess == label for guess, (label, _) in zip(guesses, test, strict=True)]))


if __name__ == "__main__":
    sys.exit(main())
