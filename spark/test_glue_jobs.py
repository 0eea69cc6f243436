"""Glue jobs of the local AWS with a real Spark."""

import io
import zipfile

SCRIPT = """
import sys
from pyspark.sql import SparkSession
from package import double

spark = SparkSession.builder.getOrCreate()
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
numbers = spark.sparkContext.parallelize(range(int(arguments["--COUNT"])), 2)
print("sum", numbers.map(double).sum(), "with Spark", spark.version, "as", arguments["--JOB_NAME"])
"""


def test_a_job_runs_with_spark_on_its_package(run_glue_job, s3):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("package/__init__.py", "def double(number): return 2 * number\n")
    s3.put_object(Bucket="spark", Key="package.zip", Body=archive.getvalue())

    run = run_glue_job(SCRIPT, **{"--extra-py-files": "s3://spark/package.zip", "--COUNT": "100"})

    assert (run["JobRunState"], run.get("ErrorMessage")) == ("SUCCEEDED", None)
    assert run["output"] == [f"sum 9900 with Spark 3.5.6 as {run['JobName']}"]
    assert run["ExecutionTime"] > 0


def test_an_exception_on_a_worker_fails_the_job_with_its_name(run_glue_job):
    script = "from pyspark import SparkContext\nSparkContext().parallelize([0]).map(lambda n: 1 / n).count()"

    run = run_glue_job(script)

    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("Error Category: UNCLASSIFIED_ERROR; py4j.protocol.Py4JJavaError")
    assert "ZeroDivisionError: division by zero" in run["error"]
