"""Errors of the local stack."""

from include.config.errors import RetrainError


class StackError(RetrainError):
    """A part of the local stack does not start, does not answer, or has died. The message says which and what to do."""
