import pytest

from include.config.errors import DataError
from include.tweets.prepare import PrepareSettings, prepare
from include.tweets.prepared import PreparedFolder
from tests.tweets.test_prepare import some_rows, source


def prepared(folder, rows) -> PreparedFolder:
    prepare([source(rows)], folder, PrepareSettings())
    return PreparedFolder(folder)


def test_the_examples_of_the_splits_come_back(tmp_path):
    data = prepared(tmp_path, some_rows(200))
    test, tweets = data.examples("test"), data.distinct_test_tweets()

    assert data.examples("test", limit=3) == test[:3]
    assert (list(zip(tweets.labels, tweets.instances, strict=True)), tweets.near_copies) == (test, 0)
    assert tweets.texts == tweets.instances
    rows = some_rows(200)
    assert [rows[line - 1][1] for line in tweets.lines] == tweets.texts
    assert set(tweets.files) == {source(rows).name}


def test_a_tweet_that_is_retweeted_a_hundred_times_is_one_test_tweet(tmp_path):
    rows = some_rows(200)
    retweets = [(label, f"RT @user{number}: {text}") for label, text in rows for number in range(20)]

    tweets = prepared(tmp_path, [*rows, *retweets]).distinct_test_tweets()

    count = len(tweets.labels)
    assert count + tweets.near_copies == 21 * count
    assert len({text.rpartition(": ")[2] for text in tweets.texts}) == count


@pytest.mark.parametrize("control", ["\r", "\n", "\r\n", "&#13;", '"', ",", "\x0b", "\x85", "\u2028"])
def test_no_character_shifts_the_texts_against_the_examples(tmp_path, control):
    tweets = prepared(tmp_path, [(label, f"{text} a{control}b") for label, text in some_rows(200)])

    found = tweets.distinct_test_tweets()

    for instance, text in zip(found.instances, found.texts, strict=True):
        assert instance.split()[1] == text.split()[1]  # the tweet's number


def test_a_folder_whose_files_do_not_fit_together_is_an_error(tmp_path):
    data = prepared(tmp_path, some_rows(200))
    (tmp_path / "test_tweets.csv").write_text("label,text,group,file,line\ntechnical,x,1,f,1\n")

    with pytest.raises(DataError, match=r"test_tweets\.csv does not contain the same test split"):
        data.distinct_test_tweets()


def test_what_is_missing_or_no_output_of_prepare_is_an_error_that_names_the_file(tmp_path):
    for text in (None, "[]", "{}", "no JSON", '{"settings": 3}'):
        if text is not None:
            (tmp_path / "report.json").write_text(text)
        with pytest.raises(DataError, match=r"report\.json is not a report of prepare"):
            _ = PreparedFolder(tmp_path).report
    with pytest.raises(DataError, match=r"train\.txt: .*No such file"):
        PreparedFolder(tmp_path).examples("train")
    (tmp_path / "train.txt").write_text("no label\n")
    with pytest.raises(DataError, match=r"train\.txt: the line does not begin with __label__"):
        PreparedFolder(tmp_path).examples("train")
