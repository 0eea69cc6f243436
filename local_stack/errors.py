"""What goes wrong with the local stack."""

from include.config.errors import RetrainError


class StackError(RetrainError):
    """A part of the local stack did not start, does not answer, or has died; the message says which and what to do."""
