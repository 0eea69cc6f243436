"""Tell somebody who is not looking: through SNS, or through a function that RETRAIN_NOTIFIER names."""

import importlib
import unicodedata
from collections.abc import Callable

from include.config.errors import ConfigurationError
from include.config.printable import printable
from include.config.settings import BOTOCORE_CONFIG, NotifierSettings

MAX_SUBJECT_CHARACTERS = 99
"""SNS takes fewer than 100, of ASCII, without line breaks."""

Notifier = Callable[[str, str], None]
"""Called with a subject and a message."""


def notify(subject: str, message: str) -> None:
    """
    Send a notice, where the deployment has set up who gets it. That it cannot be sent is printed, and fails nothing:
    what it tells of is known from the run's own state.
    """
    subject = " ".join(printable(subject).split())[:MAX_SUBJECT_CHARACTERS]
    try:
        if (notifier := _notifier(NotifierSettings.from_environment())) is not None:
            notifier(subject, printable(message))
            print(f"Notified: {subject}")
    except Exception as error:
        print(f"WARNING: nobody was notified of {subject!r}: {error!r}")


def _notifier(settings: NotifierSettings) -> Notifier | None:
    if settings.function:
        return load_notifier(settings.function)
    if (topic := settings.topic_arn) is not None:
        return lambda subject, message: _publish(topic, subject, message)
    return None


def load_notifier(path: str) -> Notifier:
    """
    The function that ``package.module:function`` names.

    :raises ConfigurationError: it is not there
    """
    module, _, name = path.partition(":")
    try:
        found: Notifier = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(
            f"RETRAIN_NOTIFIER={path!r} names no function, as package.module:function would: {error}"
        ) from None
    return found


def _publish(topic_arn: str, subject: str, message: str) -> None:
    from airflow.providers.amazon.aws.hooks.sns import SnsHook

    ascii_subject = " ".join(unicodedata.normalize("NFKD", subject).encode("ascii", "ignore").decode().split())
    hook = SnsHook(aws_conn_id="aws_default", config=BOTOCORE_CONFIG)
    hook.publish_to_target(topic_arn, message, subject=ascii_subject)
