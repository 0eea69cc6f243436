import pytest

from include.config.errors import ConfigurationError
from include.config.hashtags import DEFAULT_FILE, load_hashtags
from include.samples import SAMPLE_DATA

ENTRY = 'labels: {"0": a, "1": b}'
LABELS = '  labels: {"0": a, "1": b}\n'


@pytest.mark.parametrize("path", [DEFAULT_FILE, SAMPLE_DATA / "hashtags.yaml"])
def test_the_files_that_ship_name_aws_and_azure(path):
    found = load_hashtags(path)

    assert ([hashtag.name for hashtag in found.usable], found.errors) == (["aws", "azure"], [])


@pytest.fixture
def load(tmp_path):
    def load(text: str, only: str | None = None):
        path = tmp_path / "hashtags.yaml"
        path.write_text(text, encoding="utf-8")
        return load_hashtags(path, only)

    return load


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("../x: {" + ENTRY + "}", "line 2: hashtag '../x': only a-z"),
        ("AWS: {" + ENTRY + "}", "line 2: hashtag 'AWS': only a-z"),
        ("no: {" + ENTRY + "}", 'line 2: YAML does not read no as text; put the hashtag in quotes: "no"'),
        ("1: {" + ENTRY + "}", 'line 2: YAML does not read 1 as text; put the hashtag in quotes: "1"'),
        ("[a, b]: {" + ENTRY + "}", "line 2: expected the name of a hashtag"),
        ("bad: 1", "line 2, bad: expected settings below the hashtag's name, at least labels"),
        ("bad:", "line 2, bad: expected settings below the hashtag's name, at least labels"),
        ("bad: {}", "line 2, bad.labels: is missing"),
        ("bad:\n" + LABELS + "  colour: red", "line 4, bad.colour: unknown key; expected one of: labels, owner"),
        ("bad:\n" + LABELS + '  "[key]": 1', r"line 4, bad.\[key\]: unknown key"),
        (
            "bad:\n" + LABELS + "  live_instance_type: m5.large",
            "line 4, bad.live_instance_type: 'm5.large' is not an instance type of SageMaker, such as ml.m5.large",
        ),
        ("bad:\n" + LABELS + "  shedule: x", r"line 4, bad.shedule: unknown key \(did you mean schedule\?\)"),
        ("bad:\n" + LABELS + "  schedule:", "line 4, bad.schedule: has no value; write one, or remove the key"),
        (
            "bad:\n" + LABELS + "  schedule: 5 5",
            "line 4, bad.schedule: '5 5' is neither a cron expression with five fields",
        ),
        ("bad:\n" + LABELS + '  schedule: "61 * * * *"', "line 4, bad.schedule: '61 .*' is neither a cron expression"),
        (
            "bad:\n" + LABELS + '  schedule: "0 0 30 2 *"',
            "line 4, bad.schedule: '0 0 30 2 .*' is neither a cron expression",
        ),
        ("bad:\n" + LABELS + '  schedule: "R * * * *"', "line 4, bad.schedule: 'R .*' is neither a cron expression"),
        ("bad:\n" + LABELS + "  schedule: 5", "line 4, bad.schedule: YAML reads this as a number, 5; put the text in"),
        ('bad: {labels: {"0": a}}', "bad.labels: expected 2 to 100 labels with different names"),
        ('bad: {labels: {"0": a, "1": a}}', "bad.labels: expected 2 to 100 labels with different names"),
        (
            'bad: {labels: {"0": a, "1": "b c"}}',
            "bad.labels: label 'b c': the name must have printable characters only",
        ),
        ("bad: {labels: [a, b]}", "bad.labels: expected a mapping, for example labels: "),
        ('bad:\n  labels:\n    0: a\n    "1": b', "line 4, bad.labels.0: .*a number, 0; put the id in"),
        ('bad:\n  labels:\n    "0": no\n    "1": b', 'line 4, bad.labels.0: .*a boolean, False; .*"no"'),
        ('bad:\n  labels:\n    "0": 1\n    "1": b', "line 4, bad.labels.0: .*a number, 1; put the text in"),
        ('bad:\n  labels:\n    "0": a\n    "0": b', "line 5, bad.labels.0: is defined twice"),
        ("bad:\n" + LABELS + LABELS, "line 4, bad.labels: is defined twice"),
        ("bad:\n" + LABELS + "  late_after_hours: 0", "line 4, bad.late_after_hours: 0 must be greater than 0"),
        ("bad:\n" + LABELS + "  late_after_hours: 800", "line 4, bad.late_after_hours: 800 must be at most 744"),
        ("bad:\n" + LABELS + "  late_after_hours: soon", "line 4, bad.late_after_hours: 'soon' is text"),
        ("bad:\n" + LABELS + "  min_confidence: .nan", "line 4, bad.min_confidence: nan"),
        ("bad:\n" + LABELS + "  min_confidence: yes", "line 4, bad.min_confidence: True is a boolean"),
        ("bad:\n" + LABELS + "  wait_hours: -1", "line 4, bad.wait_hours: -1 must be at least 0"),
        ("bad:\n" + LABELS + "  recipe: raw", "line 4, bad.recipe: 'raw' is not one of: clean, original"),
        ("bad:\n" + LABELS + "  recipe: orginal", r"line 4, bad.recipe: .* \(did you mean original\?\)"),
        ("bad:\n" + LABELS + "  parameters: [1]", "line 4, bad.parameters: expected a mapping"),
        ("bad:\n" + LABELS + "  require_success_marker: 1", "line 4, bad.require_success_marker: 1 is a number"),
        ("bad: !!python/object:os.system {}", "line 2, bad"),
        ("bad:\n" + LABELS + "  parameters: {date: 2026-02-30}", "line 2, bad: YAML cannot read a value of this entry"),
        ("bad:\n" + LABELS + "  wait_hours: 0x_", "line 2, bad: YAML cannot read a value of this entry"),
        ("bad:\n" + LABELS + "  wait_hours: !!int twelve", "line 2, bad: YAML cannot read a value of this entry"),
        ("bad: &self {labels: *self}", "line 2, bad"),
        ("bad: &self\n  <<: *self", "line 2, bad"),
    ],
)
def test_a_mistake_costs_its_own_hashtag_and_is_named_with_file_line_and_key(load, entry, message):
    found = load(f"good: {{{ENTRY}}}\n{entry}\nbetter: {{{ENTRY}}}\n")

    assert [hashtag.name for hashtag in found.usable] == ["good", "better"]
    (error,) = found.errors
    with pytest.raises(ConfigurationError, match=rf"^.*hashtags\.yaml, .*{message}"):
        raise error
    assert len(str(error)) < 500


def test_every_mistake_of_an_entry_is_named(load):
    (error,) = load("bad:\n  colour: red\n  recipe: raw").errors

    assert [line.partition(", ")[2].partition(":")[0] for line in str(error).splitlines()] == [
        "line 1, bad.labels",
        "line 3, bad.recipe",
        "line 2, bad.colour",
    ]


def test_a_hashtag_that_is_defined_twice_is_an_error_at_both_places_and_neither_counts(load):
    found = load(f"aws: {{{ENTRY}}}\nazure: {{{ENTRY}}}\naws: {{{ENTRY}}}\n")

    assert [hashtag.name for hashtag in found.usable] == ["azure"]
    assert [str(error).partition(", ")[2] for error in found.errors] == [
        "line 1: the hashtag aws is defined twice; remove one entry.",
        "line 3: the hashtag aws is defined twice; remove one entry.",
    ]


def test_anchors_and_merges_are_read(load):
    found = load(f"aws: &common {{{ENTRY}, wait_hours: 2}}\nazure: *common\ngcp:\n  <<: *common\n  wait_hours: 3\n")

    assert found.errors == []
    assert [hashtag.settings.wait_hours for hashtag in found.usable] == [2, 2, 3]


def test_one_hashtag_alone_can_be_read(load):
    found = load(f"aws: {{{ENTRY}}}\nbad: 1\n", only="aws")

    assert ([hashtag.name for hashtag in found.usable], found.errors) == (["aws"], [])


@pytest.mark.parametrize(
    ("text", "message"), [("", "one entry for each hashtag"), ("aws: [", "not valid YAML"), ("- a", "one entry")]
)
def test_a_file_that_is_none_is_an_error_as_a_whole(load, text, message):
    with pytest.raises(ConfigurationError, match=message):
        load(text)


MULTIPLIED = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aws: " + "[" * 100_000, "line 1: not valid YAML: nested more than 50 levels deep"),
        ("aws: " + "- " * 100_000, "line 1: not valid YAML"),
        ("aws:\n\twait_hours: 0\n", "line 2: not valid YAML: .+ Replace the tab by spaces"),
        (MULTIPLIED, "line 6: not valid YAML: more than 100,000 values, with aliases written out"),
    ],
)
def test_a_file_that_would_end_or_fill_its_reader_is_refused(load, text, message):
    with pytest.raises(ConfigurationError, match=message):
        load(text)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        load_hashtags(tmp_path / "none.yaml")
