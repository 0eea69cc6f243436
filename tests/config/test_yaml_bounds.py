import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from include.config.yaml_bounds import MAX_DEPTH, MAX_VALUES, check_bounds
from include.config.yaml_file import LOADER

PLAIN = st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", categories=["L", "N"]))
DOCUMENTS = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner))


@given(DOCUMENTS)
def test_what_people_write_is_within_the_bounds(document):
    check_bounds(yaml.safe_dump(document), LOADER)


@pytest.mark.parametrize("start", ["[", "{a: "])
def test_what_is_nested_too_deeply_is_refused_before_it_is_read(start):
    check_bounds(start * (MAX_DEPTH - 1) + "x" + {"[": "]", "{a: ": "}"}[start] * (MAX_DEPTH - 1), LOADER)

    with pytest.raises(yaml.MarkedYAMLError, match="nested more than 50 levels deep"):
        check_bounds(start * 100_000, LOADER)


def test_aliases_that_multiply_are_refused_with_their_line():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]" for number in range(1, 9)]

    with pytest.raises(yaml.MarkedYAMLError) as refused:
        check_bounds("\n".join(lines), LOADER)

    assert f"more than {MAX_VALUES:,} values, with aliases written out" in str(refused.value)
    assert refused.value.problem_mark.line == 4


def test_text_that_is_no_yaml_is_an_error_of_yaml():
    with pytest.raises(yaml.MarkedYAMLError):
        check_bounds("a: [", LOADER)
