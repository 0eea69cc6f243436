import pytest

from tests.steps.conftest import Run


@pytest.fixture
def evaluated(run):
    run.prepare()
    run.train()
    run.evaluate()
    return run


def package(sagemaker, result):
    return sagemaker.describe_model_package(ModelPackageName=result["model_package_arn"])


def test_the_version_has_the_gates_status_and_the_figures_of_the_test_split(evaluated, sagemaker, storage):
    result = evaluated.register()

    found = package(sagemaker, result)
    decision, figures = evaluated.report["decision"], evaluated.report["evaluation"]
    assert found["ModelApprovalStatus"] == result["approval"] == decision["approval"] == "Approved"
    assert found["ApprovalDescription"] == decision["approval_reason"]
    assert (result["accuracy"], result["test_tweets"]) == (figures["accuracy"], figures["tweets"])
    assert found["CustomerMetadataProperties"]["date"] == evaluated.keys.date
    assert result["version"] == 1


def test_a_retry_finds_the_version_that_it_has_made(evaluated, sagemaker):
    first = evaluated.register()

    assert evaluated.register() == first
    versions = sagemaker.list_model_packages(ModelPackageGroupName=package(sagemaker, first)["ModelPackageGroupName"])
    assert len(versions["ModelPackageSummaryList"]) == 1


def test_a_champion_of_newer_tweets_that_was_approved_meanwhile_keeps_its_place(
    evaluated, sagemaker, storage, tmp_path
):
    newer = Run(storage, tmp_path, "2026-01-09", evaluated.keys.hashtag)
    newer.upload()
    newer.prepare()
    newer.train()
    newer.evaluate()
    assert newer.register()["approval"] == "Approved"

    found = package(sagemaker, evaluated.register())

    assert evaluated.report["decision"]["approval"] == "Approved"
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert found["ApprovalDescription"].endswith("But the champion's tweets are newer (2026-01-09).")
