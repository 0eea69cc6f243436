"""Bodies of requests: bounded, whether they come with a length or in chunks."""

import io
from typing import Any

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge


def bound_body(environment: dict[str, Any], limit: int) -> None:
    """
    Let a request's body end with an error after a number of bytes.

    :raises HTTPException: the length that the request says is too large, or is none
    """
    length = environment.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdecimal() and len(length) < 20):
        raise BadRequest(f"the Content-Length must be a number, not {length[:50]!r}")
    if int(length) > limit:
        raise _too_large(limit)
    if environment.get("wsgi.input_terminated"):
        environment["wsgi.input"] = _Bounded(environment["wsgi.input"], limit)


class _Bounded(io.RawIOBase):
    """A body in chunks, which has no length."""

    def __init__(self, stream: Any, limit: int):
        self._stream, self._limit, self._left = stream, limit, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            count: int = self._stream.readinto(buffer)
        except ConnectionError:
            raise
        except OSError as error:  # werkzeug's, for what is no chunk
            raise BadRequest(f"the body in chunks cannot be read: {error}") from None
        self._left -= count
        if self._left < 0:
            raise _too_large(self._limit)
        return count


def _too_large(limit: int) -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"the body has more than {limit:,} bytes")
