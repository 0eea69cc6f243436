"""The output of `include.tweets.prepare` in a folder."""

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from include.config.errors import DataError
from include.tweets.cells import read_csv
from include.tweets.prepare import REJECTED, REPORT, TEST_TWEETS
from include.tweets.split import SPLITS, Split
from include.tweets.supervised import parse_example

FILES = {split: f"{split}.txt" for split in SPLITS} | {
    "report": REPORT,
    "rejected": REJECTED,
    "test_tweets": TEST_TWEETS,
}
"""The files by what they contain."""


@dataclass(frozen=True, slots=True)
class DistinctTestTweets:
    """
    The tweets on which models are evaluated: one of each group of near copies in the test split. Otherwise a tweet that
    was retweeted a hundred times would count a hundred times.
    """

    labels: list[str]
    instances: list[str]
    """Tokens separated by spaces."""
    texts: list[str]
    """The tweets before tokenisation."""
    files: list[str]
    """The file of each tweet's first row."""
    lines: list[int]
    """The line of this row in the file."""
    near_copies: int
    """How many tweets of the split are left out."""


@dataclass(frozen=True)
class PreparedFolder:
    """A folder with the files of FILES."""

    path: Path

    @cached_property
    def report(self) -> dict[str, Any]:
        """
        :raises DataError: it is missing or damaged
        """
        try:
            report: dict[str, Any] = json.loads((self.path / REPORT).read_text(encoding="utf-8"))
            if "error" in report:
                raise DataError(f"{self.path} contains no prepared tweets: {report['error']}")
            _ = report["settings"]["labels"], report["samples"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.path / REPORT} is not a report of prepare: {error!r}") from None
        return report

    def examples(self, split: Split, limit: int | None = None) -> list[tuple[str, str]]:
        """
        Labels and instances of a split.

        :param limit: read only so many, from the start
        :raises DataError: the file is missing, or a line is no example
        """
        path = self.path / FILES[split]
        try:
            with path.open(encoding="utf-8", newline="\n") as lines:
                return [parse_example(line) for line in islice(lines, limit)]
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: {error}") from None

    def distinct_test_tweets(self) -> DistinctTestTweets:
        """
        :raises DataError: the split's two files do not contain the same tweets
        """
        examples = self.examples("test")
        path = self.path / TEST_TWEETS
        tweets = list(read_csv(path))
        if [tweet["label"] for tweet in tweets] != [label for label, _ in examples]:
            raise DataError(f"{path} does not contain the same test split as {FILES['test']}")
        distinct = DistinctTestTweets([], [], [], [], [], len(tweets) - len({tweet["group"] for tweet in tweets}))
        groups: set[str] = set()
        for tweet, (label, instance) in zip(tweets, examples, strict=True):
            if tweet["group"] not in groups:
                groups.add(tweet["group"])
                distinct.labels.append(label)
                distinct.instances.append(instance)
                distinct.texts.append(tweet["text"])
                distinct.files.append(tweet["file"])
                distinct.lines.append(int(tweet["line"]))
        return distinct
