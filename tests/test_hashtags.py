import pytest

from include.errors import ConfigurationError
from include.hashtags import DEFAULT_FILE, load_hashtags
from include.samples import SAMPLE_DATA

ENTRY = 'labels: {"0": a, "1": b}'


@pytest.mark.parametrize("path", [DEFAULT_FILE, SAMPLE_DATA / "hashtags.yaml"])
def test_the_files_that_ship_name_aws_and_azure(path):
    assert [hashtag.name for hashtag in load_hashtags(path)] == ["aws", "azure"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "one entry for each hashtag"),
        ("aws: [", "not YAML"),
        ("../x: {}", "only a-z"),
        ("aws: 1", "aws: expected labels below"),
        ("aws: {" + ENTRY + ", colour: red}", "aws: unknown key colour; known are labels"),
        ("aws: {" + ENTRY + ", schedule: null}", "aws, schedule: None is no cron expression"),
        ('aws: {labels: {"0": a}}', "aws, labels: 2 to 100 labels with different names are needed"),
        ('aws: {labels: {"0": a, "1": a}}', "aws, labels: 2 to 100 labels with different names are needed"),
        ('aws: {labels: {"0": a, "1": "b c"}}', "aws, labels: label 'b c': a label's name has no blanks"),
        ("aws: {labels: [a, b]}", "aws, labels: expected names by ids"),
        (f"aws: {{labels: {dict(enumerate(map(str, range(101))))}}}", "aws, labels: 2 to 100 labels"),
        ("aws: {" + ENTRY + ", late_after_hours: 0}", "aws, late_after_hours: 0 is no number above 0, 744 at most"),
        ("aws: {" + ENTRY + ", late_after_hours: soon}", "aws, late_after_hours: 'soon' is no number"),
        ("aws: {" + ENTRY + ", recipe: raw}", "aws, recipe: 'raw' is none of clean, seed"),
    ],
)
def test_a_mistake_is_an_error_that_names_file_hashtag_and_key(tmp_path, text, message):
    path = tmp_path / "hashtags.yaml"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=message) as error:
        load_hashtags(path)
    assert "hashtags.yaml" in str(error.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        load_hashtags(tmp_path / "none.yaml")
