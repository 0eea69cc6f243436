"""The hashtags whose DAGs can be made, and the mistakes in the others."""

from __future__ import annotations

from airflow.sdk import get_parsing_context

from hashtag_retrain.parameters import run_parameters
from include.config.errors import ConfigurationError
from include.config.hashtags import Hashtags, load_hashtags
from include.config.names import DAG_PREFIX, hashtag_of


def hashtags() -> Hashtags:
    """
    Load the hashtags file, and check the parameters in it. If Airflow parses the DAG file for one DAG only, as it does
    at the start of each task, only the hashtag of this DAG is loaded; all, if the DAG is not that of a hashtag.

    :raises ConfigurationError: the file as a whole cannot be used
    """
    dag_id = get_parsing_context().dag_id or ""
    found = load_hashtags(only=hashtag_of(dag_id) if dag_id.startswith(DAG_PREFIX) else None)
    usable, errors = [], list(found.errors)
    for hashtag in found.usable:
        try:
            run_parameters(hashtag)
        except ConfigurationError as error:
            errors.append(error)
        else:
            usable.append(hashtag)
    return Hashtags(usable, errors, found.names)
