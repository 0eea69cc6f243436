"""Against the local AWS's model registry."""

import itertools
import threading
from datetime import UTC, datetime

import boto3
import pytest

from include.aws.registry import Registry, description_of
from include.aws.requests import model_package_request

_numbers = itertools.count(1)
BEGINNING = datetime(2006, 3, 21, tzinfo=UTC)


@pytest.fixture
def registry(client) -> Registry:
    return Registry(client("sagemaker"), f"retrain-versions-{next(_numbers)}", "s3://ours/")


def request(model: str = "s3://ours/a/model.tar.gz", approval: str = "Approved", **properties: str):
    return model_package_request(
        description="#aws",
        image="image",
        model_uri=model,
        metrics_uri="s3://ours/evaluation.json",
        approval=approval,
        properties={"date": "2026-01-07", **properties},
    )


def register(registry: Registry, model: str, approval: str = "Approved", **properties: str):
    return registry.register(request(f"s3://ours/{model}", approval, **properties), "because", BEGINNING)


def test_a_version_has_figures_fingerprint_report_and_approval(registry, client):
    version = registry.register(request(accuracy="0.9", report="s3://ours/report.html"), "good", BEGINNING)

    package = client("sagemaker").describe_model_package(ModelPackageName=version.arn)
    assert package["ModelPackageGroupName"] == registry.group
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == "good"
    assert package["CustomerMetadataProperties"]["accuracy"] == "0.9"
    assert package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == "s3://ours/evaluation.json"


def test_registering_again_makes_no_second_version_and_brings_the_first_up_to_date(registry):
    first = register(registry, "a", "Rejected", accuracy="0.5")

    again = register(registry, "a", "Approved", accuracy="0.6")

    assert (again.number, again.approval, again.properties["accuracy"]) == (first.number, "Approved", "0.6")
    assert registry.champion().arn == first.arn


def test_two_runs_that_register_the_same_model_at_once_make_one_version(registry):
    found = []
    threads = [threading.Thread(target=lambda: found.append(register(registry, "a"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [version.number for version in found] == [1] * 4


def test_the_champion_is_the_newest_approved_version_besides_the_candidate(registry):
    assert registry.champion() is None
    old, new = register(registry, "old"), register(registry, "new")
    register(registry, "rejected", "Rejected")

    assert registry.champion().arn == new.arn
    assert registry.champion(besides="s3://ours/new").arn == old.arn


@pytest.mark.parametrize("word", ["Approved", "Rejected", "PendingManualApproval"])
def test_a_persons_word_is_known_as_such_and_stands(registry, client, word):
    given = "Rejected" if word == "Approved" else "Approved"
    version = register(registry, "a", given)
    assert version.manual_approval is None
    client("sagemaker").update_model_package(ModelPackageArn=version.arn, ModelApprovalStatus=word)

    again = register(registry, "a", given, accuracy="0.7")

    assert (again.approval, again.manual_approval) == (word, word)
    assert again.properties["accuracy"] == "0.7"
    assert (registry.champion() is not None) == (word == "Approved")


def test_a_person_who_confirms_a_status_with_a_word_of_theirs_has_said_something(registry, client):
    version = register(registry, "a", "Rejected")
    client("sagemaker").update_model_package(
        ModelPackageArn=version.arn, ModelApprovalStatus="Rejected", ApprovalDescription="Not this one."
    )

    again = register(registry, "a", "Approved")

    assert (again.approval, again.approval_reason, again.manual_approval) == ("Rejected", "Not this one.", "Rejected")


def test_repeating_an_old_run_does_not_withdraw_its_approval(registry, client):
    old = register(registry, "old")
    new = register(registry, "new")
    assert register(registry, "old", "PendingManualApproval").approval == "Approved"
    client("sagemaker").update_model_package(ModelPackageArn=new.arn, ModelApprovalStatus="Rejected")

    assert registry.champion().arn == old.arn
    assert register(registry, "old", "Rejected").approval == "Approved"


def test_a_worker_that_dies_between_creation_and_approval_is_no_persons_word(registry, order_fault):
    order_fault(operation="UpdateModelPackage", error="ValidationException", times=1)
    with pytest.raises(Exception, match="UpdateModelPackage"):
        register(registry, "a")
    assert registry.champion() is None

    assert register(registry, "a").approval == "Approved"


def test_what_a_person_has_registered_by_hand_is_that_persons_word(registry, client):
    register(registry, "other")
    by_hand = request("s3://ours/by-hand", "Rejected", team="ours")
    client("sagemaker").create_model_package(ModelPackageGroupName=registry.group, **by_hand)

    assert register(registry, "by-hand", "Approved").manual_approval == "Rejected"


def test_another_deployments_versions_are_passed_over(registry, client):
    ours = register(registry, "ours")
    theirs = Registry(client("sagemaker"), registry.group, "s3://theirs/")
    theirs.register(request("s3://theirs/a"), "because", BEGINNING)

    assert registry.champion().arn == ours.arn


def test_a_deleted_version_is_registered_anew(registry, client):
    first = register(registry, "a")
    client("sagemaker").delete_model_package(ModelPackageName=first.arn)

    assert register(registry, "a").number == first.number + 1


def test_a_fault_of_sagemaker_is_not_taken_for_an_empty_registry(registry, order_fault):
    register(registry, "a")
    order_fault(operation="ListModelPackages", error="ValidationException", times=None)

    with pytest.raises(Exception, match="ListModelPackages"):
        registry.champion()


def test_finding_a_version_describes_it_alone_of_all_that_this_product_has_registered(registry, client):
    for number in range(8):
        job = f"retrain-aws-{number}"
        wanted = request(f"s3://ours/{job}/output/model.tar.gz")
        wanted["ModelPackageDescription"] = description_of(job, "#aws: " + "a good model " * 200)
        registry.register(wanted, "because", BEGINNING)
    calls = []
    registry._client = boto3.client("sagemaker")
    registry._client.meta.events.register("before-call.sagemaker", lambda model, **_: calls.append(model.name))

    version = registry.find("s3://ours/retrain-aws-2/output/model.tar.gz", BEGINNING)

    assert version.artifact == "s3://ours/retrain-aws-2/output/model.tar.gz"
    assert calls == ["ListModelPackages", "DescribeModelPackage"]
