"""
The format of BlazingText and fastText for text classification: one example in each line, with a label and tokens that
are separated by spaces.

https://docs.aws.amazon.com/sagemaker/latest/dg/blazingtext.html#blazingtext-data-formats-text-class
"""

LABEL_PREFIX = "__label__"
"""With which a label begins, and no token does."""


def format_example(label: str, instance: str) -> str:
    """
    One line without its newline: ``__label__technical token token token``.

    :param instance: tokens separated by spaces
    """
    return f"{LABEL_PREFIX}{label} {instance}"


def parse_example(line: str) -> tuple[str, str]:
    """
    The label and the instance (tokens separated by spaces) of a line by `format_example`.

    :raises ValueError: the line does not begin with a label
    """
    label, _, instance = line.rstrip("\n").partition(" ")
    if not label.startswith(LABEL_PREFIX):
        raise ValueError(f"the line does not begin with {LABEL_PREFIX}: {line[:80]!r}")
    return label.removeprefix(LABEL_PREFIX), instance
