import pytest
from packaging.requirements import InvalidRequirement

from local_aws.glue.arguments import MAX_BYTES, RunArguments, requirements_of
from local_aws.glue.exceptions import InvalidInputException, NotSupported


def test_glue_keeps_its_own_arguments_and_passes_the_others_to_the_script():
    parsed = RunArguments.parse(
        {
            "--extra-py-files": "s3://b/a.zip, s3://b/c.py,",
            "--additional-python-modules": "s3://b/requirements.txt",
            "--python-modules-installer-option": "--require-hashes -r",
            "--conf": "spark.a=1 --conf spark.b=x=y",
            "--enable-metrics": "true",
            "--job-language": "python",
            "--JOB_NAME": "ours",
            "--plan": "s3://b/plan.json",
        }
    )

    assert parsed == RunArguments(
        py_files=["s3://b/a.zip", "s3://b/c.py"],
        modules=["s3://b/requirements.txt"],
        modules_are_files=True,
        configuration={"spark.a": "1", "spark.b": "x=y"},
        for_script={"--plan": "s3://b/plan.json"},
    )


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("--extra-jars", "s3://b/a.jar", "--extra-jars"),
        ("--job-language", "scala", "--job-language=scala"),
        ("--job-bookmark-option", "job-bookmark-enable", "--job-bookmark-option=job-bookmark-enable"),
    ],
)
def test_what_would_have_an_effect_on_aws_and_none_here_is_refused(name, value, named):
    with pytest.raises(NotSupported, match=f"does not support the job argument {named}"):
        RunArguments.parse({name: value})


def test_arguments_that_are_too_long_or_no_configuration_are_refused():
    RunArguments.parse({"--x": "x" * (MAX_BYTES - 3)})
    with pytest.raises(InvalidInputException, match="Request size limit exceeded"):
        RunArguments.parse({"--x": "x" * MAX_BYTES})
    with pytest.raises(InvalidInputException, match="--conf: 'spark' is not of the form name=value"):
        RunArguments.parse({"--conf": "spark"})


def test_a_requirements_file_with_hashes_demands_what_its_markers_let_through():
    text = """
# a comment
--index-url https://pypi.example
regex==2026.1.1 \\
    --hash=sha256:0123
colorama==1 ; sys_platform == "win32"
"""
    assert [str(one) for one in requirements_of(text)] == ["regex==2026.1.1"]
    with pytest.raises(InvalidRequirement):
        requirements_of("no requirement")
