"""
The program of a Spark job: ``main(["--PLAN", "s3://bucket/…/plan.json"])`` prepares the dataset of a run of a DAG, and
``main(["--INPUT", "s3://bucket/folder/", "--OUT", "s3://bucket/folder/"])`` prepares whatever files there are.

On Glue it is the job's script, with this package as ``--extra-py-files``; on EMR Serverless the entry point.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from include.aws.dataset import sha256_of_files, upload_prepared
from include.aws.s3_stream import S3Object, s3_client
from include.aws.storage import Storage
from include.config.errors import DataError, NoRows
from include.config.printable import printable
from include.spark.plan import OUTCOME, REJECTED, Outcome, Plan
from include.spark.preparation import SparkPreparation
from include.tweets.part_files import is_part
from include.tweets.prepare import Preparation, PrepareSettings, prepare
from include.tweets.sources import Source, ranked

Kind = Callable[..., Preparation]


def main(arguments: Sequence[str] | None = None) -> None:
    """
    Prepare the dataset of a plan, and write the outcome beside the plan; or prepare the files of a folder.

    :raises DataError: the tweets cannot be used. Then this is the outcome, or the folder has rejected.csv and
        report.json only.
    """
    from pyspark.sql import SparkSession

    options = _options(arguments)
    kind = partial(SparkPreparation, context=SparkSession.builder.getOrCreate().sparkContext)
    if options.PLAN:
        storage, key = _location(options.PLAN, options.KMS_KEY)
        run(Plan.from_json(storage.read_json(key)), storage, kind)
    else:
        prepare_folder(options.INPUT, options.OUT, PrepareSettings(**options.SETTINGS), kind, options.KMS_KEY)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--PLAN", help="URI of the plan")
    parser.add_argument("--INPUT", help="URI of a folder of labelled tweets")
    parser.add_argument("--OUT", help="URI of the folder for the output")
    parser.add_argument("--SETTINGS", type=json.loads, default={}, help="arguments of PrepareSettings, as JSON")
    parser.add_argument("--KMS_KEY", default="", help="ARN of the KMS key with which S3 encrypts the output")
    options, _ = parser.parse_known_args(arguments)  # Glue adds arguments of its own
    if not options.PLAN and not (options.INPUT and options.OUT):
        parser.error("--PLAN, or --INPUT and --OUT, must be given")
    return options


def _location(uri: str, kms_key: str) -> tuple[Storage, str]:
    """The bucket and the key of a URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return Storage(s3_client(), bucket, kms_key), key


def prepare_folder(input_uri: str, out_uri: str, settings: PrepareSettings, kind: Kind, kms_key: str = "") -> None:
    """
    Prepare the part files of a folder in S3 into another one.

    :raises DataError: the tweets cannot be used; then the folder has rejected.csv and report.json only
    """
    (storage, prefix), (to, target) = (_location(uri.rstrip("/") + "/", kms_key) for uri in (input_uri, out_uri))
    parts = [found for found in storage.list_objects(prefix) if found.size and is_part(found.key.removeprefix(prefix))]
    sources = [
        Source(
            printable(found.key.removeprefix(prefix)),
            S3Object(storage.bucket, found.key, found.etag, found.size),
            size=found.size,
            modified=found.modified,
        )
        for found in parts
    ]
    with TemporaryDirectory(prefix="prepare-") as folder:
        try:
            prepare(ranked(sources), Path(folder), settings, kind=kind)
        finally:
            for path in sorted(Path(folder).iterdir()):
                to.upload(path, target + path.name)


def run(plan: Plan, storage: Storage, kind: Kind | None) -> Outcome:
    """
    :param kind: how the passes are done: see `include.tweets.prepare.prepare`
    :raises DataError: the tweets cannot be used; this is the outcome as well
    """
    with TemporaryDirectory(prefix="prepare-") as folder:
        out = Path(folder)
        try:
            settings = PrepareSettings(**plan.preparation)
            report = prepare(plan.open_sources(), out, settings, kind=kind)
        except DataError as error:
            storage.upload(out / REJECTED, plan.folder + REJECTED)
            failed = Outcome(error=str(error), is_empty=isinstance(error, NoRows))
            storage.write_json(failed.to_json(), plan.folder + OUTCOME)
            raise
        sha256 = sha256_of_files(out)
        data = upload_prepared(storage, plan.keys, out, sha256)
    outcome = Outcome(data.uri, sha256, report["splits"]["train"]["examples"], report["warnings"], report["notes"])
    storage.write_json(outcome.to_json(), plan.folder + OUTCOME)
    print(printable(f"Prepared {report['rows']['read']} rows: {data.uri}"))
    return outcome


if __name__ == "__main__":
    main(sys.argv[1:])
