import pytest

from include.tweets.formats.confidence import check_confidence
from include.tweets.rows import BadRow


def test_enough_confidence_is_no_error():
    check_confidence(0.6, 0.6)
    check_confidence("0.7", 0.6)


@pytest.mark.parametrize(
    ("confidence", "reason"),
    [(0.59, "low_confidence"), ("0.1", "low_confidence")]
    + [(value, "malformed") for value in ("high", None, "", True, "nan", float("inf"))],
)
def test_too_little_or_no_number_is_said(confidence, reason):
    with pytest.raises(BadRow) as bad:
        check_confidence(confidence, 0.6)

    assert bad.value.reason == reason
