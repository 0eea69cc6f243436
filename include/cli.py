"""The command line: ``python -m include.cli``."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from include.config.errors import ConfigurationError, DataError
from include.config.settings import Settings
from include.samples import upload_samples
from include.tweets.cleaning import RECIPES
from include.tweets.prepare import PrepareSettings, Source, prepare
from include.tweets.split import SPLITS, Fractions

EXIT_DONE, EXIT_BAD_DATA, EXIT_BAD_USAGE = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 bad data, 2 bad usage."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_USAGE
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_BAD_DATA


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m include.cli", description=__doc__)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    command = commands.add_parser(
        "prepare",
        help="labelled tweets to BlazingText's train, validation and test channels",
        description="Read labelled tweets (CSV in UTF-8: label,text; a header row may say otherwise; or Ground Truth's "
        "output manifest; either may be gzipped), clean, tokenise and split them. Writes train.txt, validation.txt, "
        "test.txt, test_tweets.csv (the test split as people read it), rejected.csv (every row that was not used, and "
        "why) and report.json into --out.",
        epilog="Exit status: 0 done, 1 bad data, 2 bad usage.",
    )
    command.add_argument(
        "input",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="CSV file or manifest, or folder of part files as Spark writes it (without names that begin with _ or .)",
    )
    command.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the files go")
    command.add_argument(
        "--labels",
        type=_labels,
        default="0=technical,1=marketing",
        metavar="ID=NAME,…",
        help="the labels; the input may use ids or names (default: %(default)s)",
    )
    command.add_argument("--seed", type=int, default=0, help="of the split and the shuffle (default: %(default)s)")
    command.add_argument(
        "--recipe",
        choices=RECIPES,
        default="clean",
        help="clean: the decoded tweet alone; original: the whole cell, as the old pipeline did (default: %(default)s)",
    )
    command.add_argument(
        "--fractions",
        type=_fractions,
        default="0.8,0.1,0.1",
        metavar="TRAIN,VALIDATION,TEST",
        help="shares of the splits (default: %(default)s)",
    )
    command.add_argument(
        "--min-confidence",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="set aside labels of Ground Truth's with less confidence (default: %(default)s)",
    )
    command.add_argument(
        "--max-rejected-share",
        type=float,
        default=0.1,
        metavar="SHARE",
        help="more bad rows than this share of all is an error (default: %(default)s)",
    )
    command.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="processes that tokenise (default: one per core if rows are many)",
    )
    command.set_defaults(run=_prepare)
    command = commands.add_parser(
        "upload-samples",
        help="the sample tweets to S3",
        description="Put the sample tweets into RETRAIN_BUCKET below RETRAIN_PREFIX, where the pipeline looks for "
        "them (RETRAIN_ROLE_ARN must be set, too); the bucket is made if it is not there. "
        "AWS_ENDPOINT_URL chooses a local AWS.",
    )
    command.set_defaults(run=_upload_samples)
    return parser


def _labels(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(separator for _, separator, _ in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form 0=technical,1=marketing")
    if len({identifier.strip() for identifier, _, _ in pairs}) < len(pairs):
        raise argparse.ArgumentTypeError(f"{text!r} names an id twice")
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
        raise ConfigurationError(f"--out {options.out} is a file, and a folder is needed")
    settings = PrepareSettings(
        labels=options.labels,
        recipe=options.recipe,
        seed=options.seed,
        fractions=options.fractions,
        max_rejected_share=options.max_rejected_share,
        min_confidence=options.min_confidence,
    )
    sources = _sources(options.input)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(doing: str, share: float) -> None:
            if doing not in tasks:
                tasks[doing] = bar.add_task(doing, total=1.0)
            bar.update(tasks[doing], completed=share)

        report = prepare(sources, options.out, settings, options.processes, show)
    for warning in report["warnings"]:
        print(f"warning: {warning}", file=sys.stderr)
    rows = report["rows"]
    print(f"{rows['read']:,} rows read, {rows['used']:,} used, {rows['rejected']:,} rejected", end="")
    print(f" ({', '.join(f'{r} {n:,}' for r, n in report['rejected_by_reason'].items())})" if rows["rejected"] else "")
    for split in SPLITS:
        counts = report["splits"][split]
        labels = ", ".join(f"{label} {count:,}" for label, count in counts["labels"].items())
        print(f"{split:<11}{counts['examples']:>8,} tweets  ({labels}), {counts['vocabulary']:,} different tokens")
    print(f"written to {options.out}")
    return EXIT_DONE


def _upload_samples(options: argparse.Namespace) -> int:
    import boto3

    settings = Settings.from_environment()
    files = upload_samples(boto3.client("s3"), settings)
    print(f"{files} files are in s3://{settings.bucket}/{settings.prefix}/hashtags/")
    return EXIT_DONE


def _sources(inputs: list[Path]) -> list[Source]:
    """The files named, and those in the folders named, each under a name that tells it from the others."""
    found: list[tuple[str, Path]] = []
    seen: set[Path] = set()
    for path in inputs:
        if not path.exists():
            raise ConfigurationError(f"{path} does not exist")
        files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
        for file in files:
            relative = file.relative_to(path.parent)
            hidden = not path.is_file() and any(part.startswith(("_", ".")) for part in relative.parts[1:])
            if not hidden and file.resolve() not in seen:  # a file that is named twice is read once
                seen.add(file.resolve())
                found.append((relative.as_posix(), file))
    names = Counter(name for name, _ in found)
    return [Source.from_path(file, name if names[name] == 1 else str(file)) for name, file in found]


if __name__ == "__main__":
    sys.exit(main())
