import pytest

from include.tweets.bucket import process_bucket
from include.tweets.formats.csv import CsvFormat
from include.tweets.keying import Keyer
from include.tweets.labels import Labels
from include.tweets.prepare_settings import PrepareSettings
from include.tweets.rows import Block

SETTINGS = PrepareSettings()
NAMES = {"0": "technical", "1": "marketing"}


def processed(*contents: bytes, ranks=(0, 0)):
    """Each content from a process of its own, and a file of its own; all of one tweet, so in one bucket."""
    pieces = []
    for name, content in zip("ab", contents, strict=False):
        keyer = Keyer(["a", "b"], SETTINGS)
        keyer.add(Block(1, content, CsvFormat(name, Labels(NAMES))))
        pieces.append(keyer.take().values())
    return process_bucket(pieces, ["a", "b"], ranks, SETTINGS)


def test_rows_of_a_tweet_that_several_processes_have_read_are_one_example():
    bucket = processed(b"0,Hello  you\n0,Hello you\n", b"0,Hello you\n")

    assert b"".join(bucket.examples.values()) == b"__label__technical hello you\n"
    assert (bucket.tweets, bucket.duplicates, bucket.majority_rows) == (1, 2, 3)


def test_their_votes_are_counted_together():
    bucket = processed(b"0,Hello you\n1,Hello you\n", b"1,Hello you\n")

    assert b"".join(bucket.examples.values()) == b"__label__marketing hello you\n"
    assert bucket.rejected.counts == {"label_outvoted": 1}
    assert (bucket.conflicting_rows, bucket.majority_rows) == (3, 2)


@pytest.mark.parametrize(("ranks", "label"), [((0, 1), "marketing"), ((1, 0), "technical")])
def test_the_rank_of_a_file_decides(ranks, label):
    bucket = processed(b"0,Hello you\n", b"1,Hello you\n", ranks=ranks)

    assert [name for _, name in bucket.labels] == [label]
    assert bucket.rejected.counts == {"label_superseded": 1}


def test_a_tie_is_set_aside_row_by_row_in_order():
    bucket = processed(b"0,Hello you\n1,Hello you\n", b"1,Hello you\n0,Hello you\n")

    assert (bucket.ties, sum(bucket.labels.values())) == (1, 0)
    assert [line.split(",")[:3] for line in bucket.rejected.lines] == [
        [file, line, "label_tie"] for file in "ab" for line in "12"
    ]
