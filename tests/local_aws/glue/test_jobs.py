"""Definitions of Glue's jobs."""

import pytest

from local_aws.glue.job import NOT_SUPPORTED, Job
from tests.conftest import ROLE_ARN
from tests.local_aws.conftest import error_of
from tests.local_aws.glue.conftest import job_request


def test_a_job_is_described_as_it_was_created(glue, create_job, settings):
    name = create_job(WorkerType="G.1X", NumberOfWorkers=3, DefaultArguments={"--a": "b"}, Timeout=7)

    job = glue.get_job(JobName=name)["Job"]

    assert (job["Name"], job["Role"], job["WorkerType"], job["NumberOfWorkers"]) == (name, ROLE_ARN, "G.1X", 3)
    assert job["Command"] == {"Name": "glueetl", "ScriptLocation": f"s3://{settings.bucket}/{name}.py"}
    assert (job["DefaultArguments"], job["Timeout"], job["MaxRetries"]) == ({"--a": "b"}, 7, 0)
    assert job["ExecutionProperty"] == {"MaxConcurrentRuns": 1}
    assert job["CreatedOn"] == job["LastModifiedOn"]


def test_a_second_job_of_the_name_is_refused(glue, create_job):
    name = create_job()

    assert error_of(glue.create_job, **job_request(name, "s3://b/k"))[0] == "AlreadyExistsException"


def test_an_update_replaces_the_whole_definition(glue, create_job):
    name = create_job(Description="old", Timeout=7)
    update = {"Role": ROLE_ARN, "Command": {"Name": "glueetl", "ScriptLocation": "s3://b/new.py"}}

    assert glue.update_job(JobName=name, JobUpdate=update)["JobName"] == name

    job = glue.get_job(JobName=name)["Job"]
    assert job["Command"]["ScriptLocation"] == "s3://b/new.py"
    assert ("Description" in job, job["Timeout"]) == (False, 480)


def test_jobs_are_listed_page_by_page_and_deleted(glue, create_job):
    names = [create_job(Tags={"of": "pages"}) for _ in range(3)]

    pages = glue.get_paginator("get_jobs").paginate(PaginationConfig={"PageSize": 2})
    assert set(names) <= {job["Name"] for page in pages for job in page["Jobs"]}
    assert glue.list_jobs(Tags={"of": "pages"})["JobNames"] == names
    assert glue.delete_job(JobName=names[0])["JobName"] == names[0]
    assert error_of(glue.get_job, JobName=names[0])[0] == "EntityNotFoundException"
    assert glue.delete_job(JobName=names[0])["JobName"] == names[0]  # as on AWS, this is no error


@pytest.mark.parametrize("operation", ["get_job", "start_job_run", "get_job_runs"])
def test_a_job_that_is_not_there(glue, operation):
    assert error_of(getattr(glue, operation), JobName="nobody") == (
        "EntityNotFoundException",
        "Job with name: nobody not found.",
    )


def test_tags(glue, create_job):
    arn = f"arn:aws:glue:us-east-1:123456789012:job/{create_job(Tags={'a': '1', 'b': '2'})}"

    glue.tag_resource(ResourceArn=arn, TagsToAdd={"b": "3", "c": "4"})
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["a"])

    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"b": "3", "c": "4"}
    assert error_of(glue.get_tags, ResourceArn=f"{arn}x")[0] == "EntityNotFoundException"


@pytest.mark.parametrize("member", NOT_SUPPORTED["CreateJob"])
def test_members_without_an_effect_here_are_refused_by_name(glue, member):
    value = {"MaxRetries": 1, "JobRunQueuingEnabled": True, "MaintenanceWindow": "Sun:1"}.get(member)
    values = {
        "Connections": {"Connections": ["c"]},
        "NotificationProperty": {"NotifyDelayAfter": 1},
        "SourceControlDetails": {"Provider": "GITHUB"},
        "CodeGenConfigurationNodes": {"n": {}},
    }
    request = job_request("refused", "s3://b/k", **{member: value or values[member]})

    assert error_of(glue.create_job, **request) == (
        "NotImplemented",
        f"The local AWS does not support {member} of CreateJob.",
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"GlueVersion": "4.0"}, "GlueVersion 4.0"),
        ({"JobMode": "NOTEBOOK"}, "JobMode NOTEBOOK"),
        ({"Command": {"Name": "pythonshell", "ScriptLocation": "s3://b/k"}}, "Command.Name pythonshell"),
        ({"Command": {"Name": "glueetl", "ScriptLocation": "s3://b/k", "PythonVersion": "2"}}, "PythonVersion 2"),
        ({"Command": {"Name": "glueray", "ScriptLocation": "s3://b/k", "Runtime": "Ray2.4"}}, "Command.Runtime Ray2.4"),
    ],
)
def test_other_kinds_of_jobs_are_refused_by_name(glue, change, named):
    code, message = error_of(glue.create_job, **(job_request("refused", "s3://b/k") | change))

    assert code == "NotImplemented"
    assert named in message


def test_a_request_is_checked_against_the_service_model(glue):
    code, message = error_of(glue.create_job, **job_request("x" * 256, "s3://b/k"))

    assert code == "InvalidInputException"
    assert "'name' failed to satisfy constraint: Member must have length less than or equal to 255" in message


def test_there_is_an_end_to_jobs(glue, monkeypatch):
    monkeypatch.setattr(Job, "MAX_COUNT", 0)

    code, _ = error_of(glue.create_job, **job_request("one-too-many", "s3://b/k"))

    assert code == "ResourceNumberLimitExceededException"


def test_other_operations_are_refused_by_name(glue):
    assert error_of(glue.get_job_bookmark, JobName="j") == (
        "NotImplemented",
        "The local AWS does not support glue's GetJobBookmark.",
    )
