"""
The format of BlazingText and fastText for text classification: one example in each line, with a label and tokens that
are separated by spaces.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext.html#blazingtext-data-formats-text-class
"""

from collections.abc import Mapping

from include.config.errors import ConfigurationError
from include.tweets.tokens import LABEL_PREFIX

MAX_LABELS = 100


def check_labels(labels: Mapping[str, str]) -> None:
    """
    Check the number and the names of labels.

    :param labels: label names by label id
    :raises ConfigurationError: they cannot be used
    """
    names = list(labels.values())
    if not 2 <= len(names) <= MAX_LABELS or len(set(names)) < len(names):
        raise ConfigurationError(f"expected 2 to {MAX_LABELS} labels with different names, not {names}"[:500])
    for name in names:
        if not name or any(character.isspace() for character in name) or not name.isprintable():
            raise ConfigurationError(
                f"label {name!r}: the name must have printable characters only, at least one, and no spaces"
            )
        if "{{" in name or "{%" in name:  # Airflow renders the labels as a template
            raise ConfigurationError(f"label {name!r}: the name must not contain {{{{ or {{%")


def format_example(label: str, tokens: list[str]) -> str:
    """One line without its newline: ``__label__technical token token token``."""
    return " ".join([LABEL_PREFIX + label, *tokens])


def parse_example(line: str) -> tuple[str, str]:
    """
    The label and the instance (tokens separated by spaces) of a line by `format_example`.


    :raises ValueError: the line does not begin with a label
    """
    label, _, instance = line.rstrip("\n").partition(" ")
    if not label.startswith(LABEL_PREFIX):
        raise ValueError(f"the line does not begin with {LABEL_PREFIX}: {line[:80]!r}")
    return label.removeprefix(LABEL_PREFIX), instance
