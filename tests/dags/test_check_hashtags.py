import runpy

import pytest

from include.config.errors import ConfigurationError
from tests.dags.test_integrity import DAGS


def test_a_mistake_in_the_hashtags_file_is_an_import_error_that_names_it(tmp_path, monkeypatch):
    (tmp_path / "hashtags.yaml").write_text('aws: {labels: {"0": a, "1": b}, parameters: {epochs: -1}}')
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))
    words = "hashtags.yaml, line 1, aws.parameters.epochs: -1 is less than the minimum of 1"

    with pytest.raises(ConfigurationError, match=words):
        runpy.run_path(str(DAGS / "check_hashtags.py"))


def test_without_a_mistake_nothing_is_shown(tmp_path, monkeypatch):
    (tmp_path / "hashtags.yaml").write_text('aws: {labels: {"0": a, "1": b}}')
    monkeypatch.setenv("RETRAIN_HASHTAGS_FILE", str(tmp_path / "hashtags.yaml"))

    runpy.run_path(str(DAGS / "check_hashtags.py"))
