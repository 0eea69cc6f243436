import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets.supervised import format_example, parse_example
from include.tweets.tokens import tokenize


@given(st.text(max_size=100))
def test_an_example_is_one_line_that_reads_back(text):
    instance = " ".join(tokenize(text))

    line = format_example("technical", instance)

    assert "\n" not in line
    assert parse_example(line + "\n") == ("technical", instance)


def test_a_line_without_a_label_is_an_error():
    with pytest.raises(ValueError, match="does not begin with __label__"):
        parse_example("hello")
