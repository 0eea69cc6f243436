"""
Every error of this product that a person can do something about.

    RetrainError
    ├── ConfigurationError      a setting, a hashtag's entry or a parameter is wrong
    ├── DataError               the labelled tweets cannot be used as they are
    │   └── MissingObject       an object is not in S3
    ├── EvaluationError         the model cannot be scored, or does not answer as it was evaluated
    └── RunFailed               a task of the run failed

The message says what is wrong, where, and what to do.
"""


class RetrainError(Exception):
    """Base of the errors below."""


class ConfigurationError(RetrainError):
    """A setting, an entry of hashtags.yaml or a run's parameter is wrong; the message names it."""


class DataError(RetrainError):
    """The labelled tweets cannot be used; the message names file, line and reason."""


class MissingObject(DataError):
    """An object that is needed is not in S3; the message names it."""


class EvaluationError(RetrainError):
    """A model cannot be scored, or an endpoint's answers are not the evaluated model's answers."""


class RunFailed(RetrainError):
    """A task of the run failed; the message names it."""
