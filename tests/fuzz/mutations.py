"""Bytes that are almost valid: hypothesis would hardly find the way into a format by itself."""

from collections.abc import Callable, Sequence

from hypothesis import settings
from hypothesis import strategies as st

REPEATS = (1, 1, 1, 1, 1, 1, 1, 2, 50, 5_000)
"""How often a piece is put in. Many times: deep nesting, long numbers, rows without an end."""


@st.composite
def mutated(draw: Callable, valid: Sequence[bytes], pieces: Sequence[bytes] = (b"\0",)) -> bytes:
    """
    One of the valid contents, with parts of it replaced.

    :param pieces: what means something in the format
    """
    content = draw(st.sampled_from(valid))
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, len(content)))
        removed = draw(st.sampled_from([0, 0, 1, 4, 100, len(content)]))
        piece = draw(st.sampled_from(pieces) | st.binary(max_size=8)) * draw(st.sampled_from(REPEATS))
        content = content[:start] + piece + content[start + removed :]
    return content


def share_of_examples(share: float) -> settings:
    """For tests of which an example takes long: fewer of them than the profile says."""
    return settings(max_examples=max(5, int(settings.default.max_examples * share)))
