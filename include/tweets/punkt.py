"""nltk's English punkt_tab data: the copy in nltk_data beside this file, before any other that nltk finds."""

from functools import cache
from pathlib import Path

NLTK_DATA = Path(__file__).with_name("nltk_data")


@cache
def use_own_data() -> None:
    """Have nltk look here first: other data would give other tokens."""
    import nltk  # on demand: it imports scipy and scikit-learn

    nltk.data.path.insert(0, str(NLTK_DATA))
