"""What the server tells whoever has started it."""

import sys
from contextlib import suppress


def tell(text: str) -> None:
    """Print to the standard error, which may be a file on a full disk: then nobody is told, and the work goes on."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)
