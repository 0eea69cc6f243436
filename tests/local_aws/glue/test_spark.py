from dataclasses import replace

import pytest
from packaging.requirements import Requirement

from local_aws.glue.models import GlueBackend
from local_aws.glue.spark import CONFIGURATION, Spark
from tests.local_aws.conftest import error_of


@pytest.mark.parametrize("java", [True, False])
def test_without_spark_or_java_a_run_is_refused_with_what_to_do(glue, create_job, tmp_path, monkeypatch, submit, java):
    monkeypatch.setattr("local_aws.glue.spark.SUBMIT", submit if not java else tmp_path / "none")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr(GlueBackend, "machine", replace(GlueBackend.machine, spark=Spark()))

    code, message = error_of(glue.start_job_run, JobName=create_job())

    assert code == "NotImplemented"
    assert ("`make .venv-spark/.installed` installs PySpark" if java else "Install Java 17") in message


@pytest.fixture
def environment(tmp_path):
    """Makes an environment of Python with a spark-submit that has some distributions."""

    def make(**versions):
        packages = tmp_path / "lib" / "python3.11" / "site-packages"
        for name, version in versions.items():
            folder = packages / f"{name}-{version}.dist-info"
            folder.mkdir(parents=True)
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        submit = tmp_path / "bin" / "spark-submit"
        submit.parent.mkdir()
        submit.touch()
        return submit

    return make


def test_a_program_that_nobody_may_execute_is_as_good_as_none(environment):
    submit = environment()
    assert str(submit) in Spark(submit).missing()

    submit.chmod(0o755)

    assert Spark(submit).missing() is None


@pytest.mark.parametrize(
    ("requirement", "unmet"),
    [
        ("Ruamel.Yaml_x==1.2", []),
        ("ruamel-yaml-x>=1,<2", []),
        ("ruamel-yaml-x>=2", ["ruamel-yaml-x>=2 (it has 1.2)"]),
        ("pyarrow>=21", []),
        ("pyarrow>=22.0.1", ["pyarrow>=22.0.1 (it has 22.0.0rc1)"]),
        ("nltk==3.9", ["nltk==3.9 (it has none)"]),
        ("nltk", ["nltk (it has none)"]),
    ],
)
def test_what_an_environment_lacks_is_named_with_what_it_has(environment, requirement, unmet):
    spark = Spark(environment(ruamel_yaml_x="1.2", pyarrow="22.0.0rc1"))

    assert spark.unmet([Requirement(requirement)]) == unmet


def test_a_script_comes_after_all_options_and_its_arguments_come_last(tmp_path):
    spark, script, package = Spark(tmp_path / "submit", cores=3), tmp_path / "job.py", tmp_path / "lib.zip"

    command = spark.command(script, [package, script], {"a.b": "c=d e"}, ["--name", "two words"])

    assert command[:3] == [str(tmp_path / "submit"), "--master", "local[3]"]
    assert "--conf=a.b=c=d e" in command
    assert command[-5:] == ["--py-files", f"{package},{script}", str(script), "--name", "two words"]
    assert "--py-files" not in spark.command(script, [], {}, [])


def test_a_jobs_configuration_wins_over_that_of_every_run(tmp_path):
    name = next(iter(CONFIGURATION))

    command = Spark(tmp_path).command(tmp_path, [], {name: "mine"}, [])

    assert [word for word in command if word.startswith(f"--conf={name}=")] == [f"--conf={name}=mine"]


def test_a_run_finds_the_local_aws_and_nothing_of_this_process(environment, tmp_path, monkeypatch):
    for name in ("PYTHONPATH", "AWS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY", "RETRAIN_BUCKET"):
        monkeypatch.setenv(name, "of this process")
    monkeypatch.setenv("JAVA_HOME", "/java")
    submit = environment()

    found = Spark(submit).environment(tmp_path, "http://127.0.0.1:4566", "eu-west-1")

    assert "of this process" not in found.values()
    assert (found["AWS_ENDPOINT_URL"], found["AWS_REGION"]) == ("http://127.0.0.1:4566", "eu-west-1")
    assert found["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert (found["JAVA_HOME"], found["SPARK_LOCAL_DIRS"]) == ("/java", str(tmp_path))
    assert "PYSPARK_PYTHON" not in found
    (submit.parent / "python").touch()
    assert Spark(submit).environment(tmp_path, "", "")["PYSPARK_PYTHON"] == str(submit.parent / "python")
