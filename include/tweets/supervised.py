"""
BlazingText's and fastText's format for supervised text: one example a line, the label first, tokens between blanks.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext.html#blazingtext-data-formats-text-class
"""

from collections.abc import Mapping

from include.config.errors import ConfigurationError
from include.tweets.tokens import LABEL_PREFIX

MAX_LABELS = 100


def check_labels(labels: Mapping[str, str]) -> None:
    """
    :param labels: names by ids
    :raises ConfigurationError: not 2 to 100 of them, or names that BlazingText could not tell apart
    """
    names = list(labels.values())
    if not 2 <= len(names) <= MAX_LABELS or len(set(names)) < len(names):
        raise ConfigurationError(f"2 to {MAX_LABELS} labels with different names are needed, not {names}"[:500])
    for name in names:
        if not name or any(character.isspace() for character in name) or not name.isprintable():
            raise ConfigurationError(f"label {name!r}: a label's name has no blanks and is not empty")
        if "{{" in name or "{%" in name:  # Airflow would take it for a template
            raise ConfigurationError(f"label {name!r}: a label's name has no {{{{ and no {{%")


def format_example(label: str, tokens: list[str]) -> str:
    """One line without its newline: ``__label__technical tok tok tok``."""
    return " ".join([LABEL_PREFIX + label, *tokens])


def parse_example(line: str) -> tuple[str, str]:
    """
    Label and instance (tokens between blanks) of a line that `format_example` wrote.

    :raises ValueError: the line does not begin with a label
    """
    label, _, instance = line.rstrip("\n").partition(" ")
    if not label.startswith(LABEL_PREFIX):
        raise ValueError(f"the line does not begin with {LABEL_PREFIX}: {line[:80]!r}")
    return label.removeprefix(LABEL_PREFIX), instance
