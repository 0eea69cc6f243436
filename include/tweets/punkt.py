"""nltk's English punkt_tab data. A copy is in nltk_data beside this file."""

from functools import cache
from pathlib import Path

NLTK_DATA = Path(__file__).with_name("nltk_data")


@cache
def use_own_data() -> None:
    """Let nltk use this copy before any other on the machine, because other data would give other tokens."""
    import nltk  # only here, because it imports scipy and scikit-learn

    nltk.data.path.insert(0, str(NLTK_DATA))
