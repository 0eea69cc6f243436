"""How sure the labeller was."""

import math
from typing import Any

from include.tweets.rows import BadRow


def check_confidence(confidence: Any, minimum: float) -> None:
    """
    :param confidence: a number, or a cell with one
    :raises BadRow: it is less than the minimum, or no number
    """
    try:
        number = math.nan if isinstance(confidence, bool) else float(confidence)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise BadRow("malformed", f"confidence is not a number: {str(confidence)[:50]}")
    if number < minimum:
        raise BadRow("low_confidence", f"confidence {confidence} is less than {minimum}")
