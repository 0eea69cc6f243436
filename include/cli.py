"""The command line: ``python -m include.cli``."""

import argparse
import errno
import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import tee
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID

from include import __version__
from include.classifier import Classifier
from include.config.company import CompanyRules
from include.config.errors import ConfigurationError, DataError, EvaluationError, LiveEndpointError
from include.config.names import check_hashtag
from include.config.preparation import RECIPES
from include.config.printable import printable
from include.config.settings import Settings
from include.evaluation.champion import ChampionComparison
from include.evaluation.gate import Gate
from include.evaluation.metrics import GATE_METRICS
from include.evaluation.scoring import score_model
from include.predictions import Prediction
from include.report.document import Run, describe_evaluation
from include.report.page import render
from include.samples import upload_samples
from include.spark import package
from include.tweets.formats.columns import LABEL_COLUMNS, TEXT_COLUMNS
from include.tweets.part_files import is_part
from include.tweets.prepare import PrepareSettings, prepare
from include.tweets.prepared import DistinctTestTweets, PreparedFolder
from include.tweets.sources import Source, ranked
from include.tweets.split import SPLITS, Fractions
from include.tweets.tally import words_of_rows

NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
EXIT_DONE, EXIT_BAD_DATA, EXIT_BAD_USAGE = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 bad data, 2 bad usage."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ConfigurationError as error:
        print(printable(f"error: {error}"), file=sys.stderr)
        return EXIT_BAD_USAGE
    except (DataError, EvaluationError, LiveEndpointError) as error:
        print(printable(f"error: {error}"), file=sys.stderr)
        return EXIT_BAD_DATA
    except OSError as error:  # a full disk, a folder that cannot be written
        where = f"{error.filename}: " if error.filename else ""
        folders = " (in the temporary folder, or in --out)" if error.errno in NO_SPACE and not where else ""
        print(printable(f"error: {where}{error.strerror or error}{folders}"), file=sys.stderr)
        return EXIT_BAD_USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.cli", description=__doc__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_prepare(commands)
    _add_evaluate(commands)
    _add_upload_samples(commands)
    _add_pack_spark(commands)
    _add_predict(commands)
    _add_live(commands)
    return parser


def _add_prepare(commands: Any) -> None:
    command = commands.add_parser(
        "prepare",
        help="make BlazingText's train, validation and test channels from labelled tweets",
        description="Read labelled tweets, clean, tokenise and split them. The input is CSV with the columns "
        "label and text (a header row may name others; also with semicolons, tabs or vertical bars), JSON lines, "
        "Ground Truth's output manifest, or Parquet. Text may be compressed with gzip, bzip2, xz or Zstandard. "
        "Writes into --out: train.txt, validation.txt, test.txt, test_tweets.csv (the test split before "
        "tokenisation), rejected.csv (every row that was not used, with the reason) and report.json.",
        epilog="Exit status: 0 done, 1 bad data, 2 bad usage.",
    )
    command.add_argument(
        "input",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="file, or folder of part files as Spark writes it; in folders, names that begin with _ or . are skipped",
    )
    command.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the output files")
    command.add_argument(
        "--labels",
        type=_labels,
        default="0=technical,1=marketing",
        metavar="ID=NAME,…",
        help="the labels; the input may use ids or names (default: %(default)s)",
    )
    command.add_argument("--seed", type=int, default=0, help="seed of split and shuffle (default: %(default)s)")
    command.add_argument(
        "--recipe",
        choices=RECIPES,
        default="clean",
        help="clean: the decoded tweet; original: the whole cell, as in the old pipeline (default: %(default)s)",
    )
    command.add_argument(
        "--fractions",
        type=_fractions,
        default="0.8,0.1,0.1",
        metavar="TRAIN,VALIDATION,TEST",
        help="shares of the splits (default: %(default)s)",
    )
    for option, metavar, text in (
        ("--label-column", "NAME", f"the label column's name (default: {', '.join(LABEL_COLUMNS)})"),
        ("--text-column", "NAME", f"the text column's name (default: {', '.join(TEXT_COLUMNS)})"),
        ("--confidence-column", "NAME", "the name of the column with the labels' confidence (default: none)"),
        (
            "--label-attribute",
            "NAME",
            "the labelling job's attribute in Ground Truth's manifests (default: the newest)",
        ),
        ("--encoding", "NAME", "the encoding of files that are not UTF-8, like cp1252 (default: detected)"),
    ):
        command.add_argument(option, default="", metavar=metavar, help=text)
    for option, default, text in (
        ("--min-confidence", 0.0, "reject labels with less confidence"),
        ("--max-rejected-share", 0.1, "fail if more than this share of all rows is bad"),
        (
            "--max-rejected-share-of-file",
            0.5,
            "warn if more than this share of a file is bad; of the newest date, fail",
        ),
    ):
        command.add_argument(
            option, type=float, default=default, metavar="SHARE", help=f"{text} (default: %(default)s)"
        )
    command.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="number of processes (default: one per core, or a single one for few rows)",
    )
    command.set_defaults(run=_prepare)


def _add_evaluate(commands: Any) -> None:
    command = commands.add_parser(
        "evaluate",
        help="make the report of a model on prepared tweets",
        description="Evaluate a model on the test split that prepare has written, as a run does, but without Airflow "
        "and AWS. There is no champion to compare with. Writes report.html and report.json into --out.",
        epilog="Exit status: 0 done, 1 bad data or model, 2 bad usage.",
    )
    command.add_argument("data", type=Path, metavar="DIR", help="the folder that prepare has written (its --out)")
    command.add_argument("model", type=Path, metavar="MODEL", help="SageMaker's model.tar.gz, or model.bin")
    command.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the report")
    command.add_argument("--hashtag", default="", metavar="NAME", help="the report's title (default: DIR's name)")
    command.add_argument(
        "--gate-metric", choices=GATE_METRICS, default="accuracy", help="the gate's metric (default: %(default)s)"
    )
    command.add_argument(
        "--min-gain", type=float, default=0.0, metavar="SHARE", help="the gate's minimum gain (default: %(default)s)"
    )
    command.add_argument(
        "--min-test-tweets",
        type=int,
        default=30,
        metavar="N",
        help="the gate's minimum number of test tweets (default: %(default)s)",
    )
    command.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    if not options.model.is_file():
        raise ConfigurationError(f"{options.model} is not a file")
    data = PreparedFolder(options.data)
    with TemporaryDirectory(prefix="evaluate-") as scratch:
        labels = list(dict.fromkeys(data.report["settings"]["labels"].values()))
        scored = score_model(options.model, data, labels, _without_champion, Path(scratch))
    gate = Gate(options.min_gain, options.min_test_tweets, options.gate_metric)
    objection = gate.doubt(scored.evaluation) or gate.objection(scored.evaluation, None)
    figures = scored.evaluation.headline(options.gate_metric)
    outcome = f"It does not pass the gate: {figures}. {objection}" if objection else f"It passes the gate: {figures}."
    name = options.hashtag or options.data.resolve().name
    parameters = {key: getattr(options, key) for key in ("gate_metric", "min_gain", "min_test_tweets")}
    run = Run(name, None, None, None, None, __version__, parameters, states={}, files={"model": str(options.model)})
    report = describe_evaluation(run, data.report, scored.found, outcome)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "report.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (options.out / "report.html").write_text(render(report), encoding="utf-8")
    print(printable("\n".join([*report["summary"], f"written to {options.out}"])))
    return EXIT_DONE


def _without_champion(test: DistinctTestTweets, predicted: list[str]) -> ChampionComparison:
    return ChampionComparison(None, None, "Not compared with a champion: no model registry was used.")


def _add_upload_samples(commands: Any) -> None:
    command = commands.add_parser(
        "upload-samples",
        help="upload the sample tweets to S3",
        description="Upload the sample tweets to RETRAIN_BUCKET below RETRAIN_PREFIX, where the pipeline looks for "
        "them. Creates the bucket if it does not exist. RETRAIN_ROLE_ARN must be set, too. Set AWS_ENDPOINT_URL to "
        "use a local AWS.",
    )
    command.set_defaults(run=_upload_samples)


def _add_pack_spark(commands: Any) -> None:
    command = commands.add_parser(
        "pack-spark",
        help="pack the code for a Spark job of AWS Glue 5.1 or EMR Serverless",
        description="Write into --out: include.zip (this package with nltk's data), prepare.py (the job's script) and "
        "requirements.txt (the Python packages that Glue 5.1 does not have). Runs with prepare_on: glue upload these "
        "files by themselves.",
    )
    command.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the files")
    command.set_defaults(run=_pack_spark)


def _add_predict(commands: Any) -> None:
    command = commands.add_parser(
        "predict",
        help="ask a hashtag's endpoint for the labels of texts",
        description="Tokenise texts as for the training, ask the endpoint, and print the most probable label of each "
        "text with its calibrated probability. RETRAIN_BUCKET must be set. Set AWS_ENDPOINT_URL to use a local AWS.",
    )
    command.add_argument("hashtag", metavar="HASHTAG")
    command.add_argument("texts", nargs="*", metavar="TEXT")
    command.add_argument("--file", type=Path, metavar="FILE", help="a text in each line; - is the standard input")
    command.add_argument("--endpoint", metavar="NAME", help="default: the hashtag's newest endpoint that is in service")
    command.add_argument("--json", action="store_true", help="print JSON lines with the probabilities of all labels")
    command.set_defaults(run=_predict)


def _add_live(commands: Any) -> None:
    command = commands.add_parser(
        "live",
        help="show a hashtag's live endpoint, go back to a version, or turn it off",
        description="Without an option, print the live endpoint and what AWS bills for it. RETRAIN_BUCKET and "
        "RETRAIN_ROLE_ARN must be set. Set AWS_ENDPOINT_URL to use a local AWS.",
    )
    command.add_argument("hashtag", metavar="HASHTAG")
    action = command.add_mutually_exclusive_group()
    action.add_argument("--serve", type=int, metavar="N", help="serve version N of the model registry")
    action.add_argument("--off", action="store_true", help="delete the live endpoint and all that belongs to it")
    command.set_defaults(run=_live)


def _live(options: argparse.Namespace) -> int:
    from include.live.command import Session

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    log = logging.getLogger("live")
    log.setLevel(logging.INFO)
    with _aws_errors():
        session = Session(check_hashtag(options.hashtag), log)
        if options.serve is not None:
            return EXIT_DONE if session.serve(options.serve).status != "rolled back" else EXIT_BAD_DATA
        if options.off:
            session.turn_off()
        else:
            print(session.show() or f"#{options.hashtag} has no live endpoint.")
    return EXIT_DONE


def _labels(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(separator for _, separator, _ in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 0=technical,1=marketing")
    if len({identifier.strip() for identifier, _, _ in pairs}) < len(pairs):
        raise argparse.ArgumentTypeError(f"{text!r} contains an id twice")
    return {identifier.strip(): name.strip() for identifier, _, name in pairs}


def _fractions(text: str) -> Fractions:
    try:
        train, validation, test = (float(share) for share in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not three numbers like 0.8,0.1,0.1") from None
    try:
        return Fractions(train, validation, test)
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _prepare(options: argparse.Namespace) -> int:
    if options.processes is not None and options.processes < 1:
        raise ConfigurationError("--processes must be at least 1")
    if options.out.exists() and not options.out.is_dir():
        raise ConfigurationError(f"--out {options.out} is a file; expected a folder")
    settings = PrepareSettings(
        labels=options.labels,
        recipe=options.recipe,
        seed=options.seed,
        fractions=options.fractions,
        label_column=options.label_column,
        text_column=options.text_column,
        confidence_column=options.confidence_column,
        label_attribute=options.label_attribute,
        encoding=options.encoding,
        min_confidence=options.min_confidence,
        max_rejected_share=options.max_rejected_share,
        max_rejected_share_of_file=options.max_rejected_share_of_file,
    )
    sources = _sources(options.input)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(doing: str, share: float) -> None:
            if doing not in tasks:
                tasks[doing] = bar.add_task(doing, total=1.0)
            bar.update(tasks[doing], completed=share)

        report = prepare(sources, options.out, settings, options.processes, show)
    _print_report(report)
    print(f"written to {options.out}")
    return EXIT_DONE


def _print_report(report: dict[str, Any]) -> None:
    for warning in report["warnings"]:
        print(printable(f"warning: {warning}"), file=sys.stderr)
    for note in report["notes"]:
        print(printable(note))
    print(words_of_rows(report))
    for split in SPLITS:
        counts = report["splits"][split]
        labels = ", ".join(f"{label} {count:,}" for label, count in counts["labels"].items())
        print(f"{split:<11}{counts['examples']:>8,} tweets  ({labels}), {counts['vocabulary']:,} different tokens")


def _upload_samples(options: argparse.Namespace) -> int:
    import boto3

    settings = Settings.from_environment()
    files = upload_samples(boto3.client("s3"), settings, CompanyRules.from_environment().kms_keys.s3)
    print(f"{files} files are in s3://{settings.bucket}/{settings.prefix}/hashtags/")
    return EXIT_DONE


def _predict(options: argparse.Namespace) -> int:
    if bool(options.texts) == bool(options.file):
        raise ConfigurationError("give texts, or a file of texts with --file")
    with _aws_errors():
        _print_predictions(options)
    return EXIT_DONE


@contextmanager
def _aws_errors() -> Iterator[None]:
    """AWS's errors as this command's."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise ConfigurationError(f"AWS: {error}") from None


def _print_predictions(options: argparse.Namespace) -> None:
    classifier = Classifier.connect(options.hashtag, options.endpoint)
    texts, asked = tee(options.texts or _lines(options.file))
    for text, prediction in zip(texts, classifier.predict(asked), strict=False):
        print(_answer(text, prediction, options.json), flush=True)


def _lines(file: Path) -> Iterator[str]:
    """The lines of a file that are not blank, as they come."""
    with nullcontext(sys.stdin) if str(file) == "-" else file.open(encoding="utf-8") as lines:
        try:
            yield from (line.rstrip("\n") for line in lines if line.strip())
        except UnicodeDecodeError as error:
            raise DataError(f"{file} is not UTF-8: {error}") from None


def _answer(text: str, prediction: Prediction, as_json: bool) -> str:
    if as_json:
        answer = {"text": text, "label": prediction.label or None, "probabilities": prediction.probabilities}
        return json.dumps(answer, ensure_ascii=False)
    return printable(f"{prediction.label or '(no known word)'}\t{prediction.probability:.1%}\t{text}")


def _pack_spark(options: argparse.Namespace) -> int:
    for path in package.write(options.out):
        print(f"{path}  {path.stat().st_size:,} bytes")
    return EXIT_DONE


def _sources(inputs: list[Path]) -> list[Source]:
    """The inputs' files, each once. A file is called by its path below the input, or by its whole path if two clash."""
    files: dict[Path, tuple[str, Path]] = {}
    for path in inputs:
        for file in _files(path):
            files.setdefault(file.resolve(), (file.relative_to(path.parent).as_posix(), file))
    names = Counter(name for name, _ in files.values())
    return ranked([Source.from_path(file, name if names[name] == 1 else str(file)) for name, file in files.values()])


def _files(path: Path) -> Iterator[Path]:
    """The file itself, or the files of the folder and its subfolders without hidden ones."""
    if path.is_file():
        yield path
        return
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist")
    if not path.is_dir():
        raise ConfigurationError(f"{path} is neither a file nor a folder; write its content to a file")
    for file in sorted(path.rglob("*")):
        if file.is_file() and is_part(file.relative_to(path).as_posix()):
            yield file


if __name__ == "__main__":
    sys.exit(main())
