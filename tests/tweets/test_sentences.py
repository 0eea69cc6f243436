import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets.punkt import word_tokenize
from include.tweets.sentences import SENTENCE, TEXT, mark_sentences


def sentences(*texts: str) -> list[list[str]]:
    """The sentences of each text."""
    marked = mark_sentences(TEXT.join(["", *texts, ""]))
    return [text.split(SENTENCE) for text in marked.split(TEXT)[1:-1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it works. yes!  no?", ["it works.", "yes!", "no?"]),
        ("dr. smith has 3.14 of them.", ["dr. smith has 3.14 of them."]),
        ('he said "it works." then he left.', ['he said "it works."', "then he left."]),
        ("wait... what", ["wait... what"]),
        ("no sentence", ["no sentence"]),
        ("", [""]),
    ],
)
def test_a_sentence_ends_where_nltk_ends_it(text, expected):
    assert sentences(text) == [expected]


WORDS = st.sampled_from(["it", "works.", "dr.", "u.s.", "3.14", "no?", "...", '"yes!"', "e.g.", "#aws", "end.)", "a."])


@given(st.lists(st.lists(WORDS, min_size=1).map(" ".join), min_size=1))
def test_texts_do_not_change_each_others_sentences(texts):
    assert sentences(*texts) == [sentences(text)[0] for text in texts]


@given(st.lists(WORDS, min_size=1).map(" ".join))
def test_only_white_space_between_sentences_is_replaced(text):
    (found,) = sentences(text)

    assert " ".join(found).split() == text.split()
    # A full stop is a token of its own at the end of a sentence, and elsewhere part of its word.
    assert word_tokenize()(text) == [token for sentence in found for token in word_tokenize()(sentence)]
