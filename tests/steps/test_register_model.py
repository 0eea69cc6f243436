import pytest

from tests.steps.conftest import Run


@pytest.fixture
def to_register(run):
    run.prepare()
    run.train()
    run.evaluate()
    return run


def package(sagemaker, result):
    return sagemaker.describe_model_package(ModelPackageName=result["model_package_arn"])


def test_the_version_has_the_gates_status_and_the_figures_of_the_test_split(to_register, sagemaker, storage):
    result = to_register.register()

    found = package(sagemaker, result)
    decision, figures = to_register.report["decision"], to_register.report["evaluation"]
    assert found["ModelApprovalStatus"] == result["approval"] == decision["approval"] == "Approved"
    assert found["ApprovalDescription"] == decision["approval_reason"]
    assert (result["accuracy"], result["test_tweets"]) == (figures["accuracy"], figures["tweets"])
    assert found["CustomerMetadataProperties"]["date"] == to_register.keys.date
    # The report of a later run shows these, and rounds them once.
    properties = found["CustomerMetadataProperties"]
    assert float(properties["majority_accuracy"]) == figures["majority_accuracy"]
    assert [float(properties[name]) for name in ("accuracy_low", "accuracy_high")] == figures["accuracy_interval"]
    assert result["version"] == 1
    # A retry finds the version that it has made.
    assert to_register.register() == result
    versions = sagemaker.list_model_packages(ModelPackageGroupName=found["ModelPackageGroupName"])
    assert len(versions["ModelPackageSummaryList"]) == 1


def test_a_champion_of_newer_tweets_that_was_approved_meanwhile_keeps_its_place(
    to_register, sagemaker, storage, tmp_path
):
    newer = Run(storage, tmp_path, "2026-01-09", to_register.keys.hashtag)
    newer.upload()
    newer.prepare()
    newer.train()
    newer.evaluate()
    assert newer.register()["approval"] == "Approved"

    found = package(sagemaker, to_register.register())

    assert to_register.report["decision"]["approval"] == "Approved"
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert found["ApprovalDescription"].endswith("But the champion's tweets are newer (2026-01-09).")
