"""
Show the mistakes in include/hashtags.yaml as an import error in Airflow's UI.

A mistake in an entry affects only its own hashtag. dags/retrain_hashtag.py makes the DAGs of all other hashtags.
"""

from hashtag_retrain.hashtags import hashtags
from include.config.errors import ConfigurationError

if errors := hashtags().errors:
    raise ConfigurationError("\n".join(map(str, errors)))
