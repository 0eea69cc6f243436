"""Send notices: through SNS, or through a function that RETRAIN_NOTIFIER names."""

import importlib
import unicodedata
from collections.abc import Callable

from include.config.errors import ConfigurationError
from include.config.permissions import advice
from include.config.printable import printable
from include.config.settings import BOTOCORE_CONFIG, NotifierSettings

MAX_SUBJECT_CHARACTERS = 99
"""SNS allows fewer than 100 characters, only ASCII, and no line breaks."""

Notifier = Callable[[str, str], None]
"""Called with a subject and a message."""


def notify(subject: str, message: str) -> None:
    """
    Send a notice, if the deployment has a topic or a function for it. If it cannot be sent, this is printed, but it is
    no error: the run's state shows the same.
    """
    subject = " ".join(printable(subject).split())[:MAX_SUBJECT_CHARACTERS]
    try:
        if (notifier := _notifier(NotifierSettings.from_environment())) is not None:
            notifier(subject, printable(message))
            print(f"Notified: {subject}")
    except Exception as error:
        print(f"WARNING: the notice {subject!r} was not sent: {error!r}", advice(str(error)) or "")


def _notifier(settings: NotifierSettings) -> Notifier | None:
    if settings.function:
        return load_notifier(settings.function)
    if (topic := settings.topic_arn) is not None:
        return lambda subject, message: _publish(topic, subject, message)
    return None


def load_notifier(path: str) -> Notifier:
    """
    The function that ``package.module:function`` names.

    :raises ConfigurationError: there is no such function
    """
    module, _, name = path.partition(":")
    try:
        found: Notifier = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"RETRAIN_NOTIFIER={path!r} does not name a function in the form package.module:function: {error}"
        ) from None
    return found


def _publish(topic_arn: str, subject: str, message: str) -> None:
    from airflow.providers.amazon.aws.hooks.sns import SnsHook

    ascii_subject = " ".join(unicodedata.normalize("NFKD", subject).encode("ascii", "ignore").decode().split())
    hook = SnsHook(aws_conn_id="aws_default", config=BOTOCORE_CONFIG)
    hook.publish_to_target(topic_arn, message, subject=ascii_subject)
