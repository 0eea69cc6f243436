import pytest

from include.config.errors import ConfigurationError
from include.config.yaml_file import compose, error_in, lines_of_keys


@pytest.fixture
def file(tmp_path):
    return tmp_path / "hashtags.yaml"


def test_each_key_has_its_line(file):
    file.write_text("# comment\naws:\n  labels: {a: b}\n  parameters:\n    epochs: 3\nazure:\n  labels: {}\n")

    lines = lines_of_keys(file, compose(file))

    assert lines == {
        ("aws",): 2,
        ("aws", "labels"): 3,
        ("aws", "labels", "a"): 3,
        ("aws", "parameters"): 4,
        ("aws", "parameters", "epochs"): 5,
        ("azure",): 6,
        ("azure", "labels"): 7,
    }


def test_an_empty_file_has_no_nodes(file):
    file.write_text("# nothing yet\n")

    assert compose(file) is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "hashtags.yaml: No such file"),
        (b"a: \xff", "hashtags.yaml: not UTF-8"),
        (b"aws: {}\nazure: [\n", r"hashtags.yaml, line 3: not valid YAML: .* Correct this line or the one above"),
        (b"a: " + b"[" * 1000, "line 1: not valid YAML: nested more than 50 levels deep"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_line(file, content, message):
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=message):
        compose(file)


def test_a_key_that_is_defined_twice_is_an_error_with_the_second_line(file):
    file.write_text("aws:\n  tags: {}\n  tags: {}\n")

    with pytest.raises(ConfigurationError, match=r"hashtags.yaml, line 3, aws.tags: is defined twice; remove one"):
        lines_of_keys(file, compose(file))


def test_merge_keys_may_be_there_twice(file):
    file.write_text("x: &x {a: 1}\ny: &y {b: 1}\naws:\n  <<: *x\n  <<: *y\n")

    assert lines_of_keys(file, compose(file))["aws", "<<"] == 5


def test_an_anchor_that_contains_itself_ends(file):
    file.write_text("aws: &a\n  b: *a\n")

    assert lines_of_keys(file, compose(file))["aws", "b"] == 2


def test_an_error_has_the_line_of_the_closest_key_that_is_known(tmp_path):
    lines = {("aws",): 2, ("aws", "labels"): 3}

    assert ", line 3, aws.labels.a: wrong" in str(error_in(tmp_path, ("aws", "labels", "a"), lines, "wrong"))
    assert ", line 1, azure: wrong" in str(error_in(tmp_path, ("azure",), lines, "wrong"))
    assert f", line 1, {'x' * 140}…: wrong" in str(error_in(tmp_path, ("x" * 500,), lines, "wrong"))
    assert ", line 1, 'a\\nb': wrong" in str(error_in(tmp_path, ("a\nb",), lines, "wrong"))
