import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets import tally
from include.tweets.tally import Vocabulary


@given(st.lists(st.lists(st.integers(0, 50) | st.integers(0, 2**64 - 1), max_size=20), max_size=10), st.integers(0, 30))
def test_a_vocabulary_counts_different_tokens_however_they_are_merged(batches, merged_tokens):
    vocabulary = Vocabulary()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "MERGED_TOKENS", merged_tokens)
        for tokens in batches:
            vocabulary.add(np.array(tokens, dtype=np.uint64))

    assert len(vocabulary) == len({token for tokens in batches for token in tokens})
