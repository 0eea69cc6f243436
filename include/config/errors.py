"""
Every error of this product that a person can correct.

    RetrainError
    ├── ConfigurationError      a setting, a hashtag's entry or a parameter is wrong
    ├── DataError               the labelled tweets cannot be used
    │   ├── MissingObject       an object is not in S3
    │   └── NoRows              the date has files, but no row in them
    ├── EvaluationError         the model cannot be evaluated, or the endpoint serves another model
    ├── LiveEndpointError       the live endpoint cannot be created, updated or deleted
    └── RunFailed               a task of the run failed

The message says what is wrong, where, and what to do.
"""


class RetrainError(Exception):
    """Base of the errors below."""


class ConfigurationError(RetrainError):
    """A setting, an entry of hashtags.yaml or a run's parameter is wrong. The message names it."""


class DataError(RetrainError):
    """The labelled tweets cannot be used. The message gives file, line and reason."""


class MissingObject(DataError):
    """An object is not in S3. The message names it."""


class NoRows(DataError):
    """The files of the date contain no row. The message names them."""


class EvaluationError(RetrainError):
    """A model cannot be evaluated, or an endpoint does not predict what the evaluated model predicts."""


class LiveEndpointError(RetrainError):
    """The live endpoint cannot be created, updated or deleted. The message names it, and what serves now."""


class RunFailed(RetrainError):
    """A task of the run failed. The message names it."""
