"""
BlazingText's and fastText's format for supervised text: one example a line, the label first, tokens between blanks.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext.html#blazingtext-data-formats-text-class
"""

from include.text.tokens import LABEL_PREFIX


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
