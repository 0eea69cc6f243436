"""
What is wrong with include/hashtags.yaml, as an import error in Airflow's UI.

An entry with a mistake costs its own hashtag alone: dags/retrain_hashtag.py makes the DAGs of all others.
"""

from hashtag_retrain.hashtags import hashtags
from include.config.errors import ConfigurationError

if errors := hashtags().errors:
    raise ConfigurationError("\n".join(map(str, errors)))
