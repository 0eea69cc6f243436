import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from include.evaluation.ngrams import ngram_matrix

WORDS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=9).map(" ".join)


@given(st.lists(WORDS, min_size=1, max_size=20), st.integers(1, 4))
def test_it_has_the_columns_of_scikit_learns_vectorizer_in_another_order(instances, length):
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(
        tokenizer=str.split, token_pattern=None, lowercase=False, binary=True, ngram_range=(1, length)
    )
    expected = vectorizer.fit_transform(instances).toarray()
    found = ngram_matrix(instances, length).toarray()

    def columns(matrix):
        return sorted(map(tuple, (matrix != 0).T[(matrix != 0).any(axis=0)].tolist()))

    assert columns(found) == columns(expected)
    assert np.allclose(np.linalg.norm(found, axis=1), 1)


def test_one_word_and_none_are_no_error():
    assert ngram_matrix(["a"], 3).toarray().tolist() == [[1.0]]
    assert ngram_matrix(["a", ""], 2).shape[0] == 2
