"""
Run commands against the stack that ``make up`` has started.

``python -m local_stack upload HASHTAG DATE FILE…`` uploads labelled tweets for the DAG of a hashtag.
``python -m local_stack ARGUMENTS…`` runs ``airflow ARGUMENTS…``.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from include.aws.storage import Storage
from include.config.errors import RetrainError
from include.config.hashtags import load_hashtags
from include.config.mistakes import did_you_mean
from include.config.names import Keys
from include.config.settings import Settings
from local_stack.session import Session, running_session
from local_stack.settings import REPOSITORY, StackSettings

UNIMPORTANT = "ignore:Could not import graphviz:UserWarning,ignore:GitWildMatchPattern:DeprecationWarning"
"""Airflow's commands begin with these. The first is about drawings of DAGs in a terminal."""


def main(arguments: list[str]) -> int:
    """Run the command; return its exit status."""
    if not arguments or arguments[0] in {"-h", "--help"}:
        print(__doc__.strip())
        return 0
    try:
        session = running_session(StackSettings.from_environment().home)
        if arguments[0] == "upload":
            return upload(arguments[1:], session)
    except RetrainError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    command = [sys.executable, "-m", "airflow", *arguments]
    environment = {"PYTHONWARNINGS": UNIMPORTANT, **session.environment}
    return subprocess.run(command, cwd=REPOSITORY, env=environment).returncode


def upload(arguments: list[str], session: Session) -> int:
    """Upload files of labelled tweets for a hashtag and a date."""
    parser = argparse.ArgumentParser(prog="python -m local_stack upload", description=upload.__doc__)
    parser.add_argument("hashtag", help="the hashtag, without the #")
    parser.add_argument("date", help="the date of the tweets, for example 2026-01-31")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="CSV file with label and text")
    options = parser.parse_args(arguments)
    settings = Settings.from_environment(session.environment)
    storage = Storage(session.client("s3"), settings.bucket)
    keys = Keys(settings.prefix, options.hashtag, options.date)
    for file in options.files:
        if not file.is_file():
            parser.error(f"{file} is not a file")
        if not file.stat().st_size:
            parser.error(f"{file} is empty")
    _warn(options.hashtag, options.date, Path(session.environment["RETRAIN_HASHTAGS_FILE"]), storage)
    for file in options.files:
        print(storage.upload(file, f"{keys.tweets}/{file.name}"))
    return 0


def _warn(hashtag: str, date: str, hashtags_file: Path, storage: Storage) -> None:
    """Of tweets that no run will use as things are. They are uploaded all the same: a file may be mended later."""
    known = load_hashtags(hashtags_file).usable
    names = [found.name for found in known]
    if hashtag not in names:
        print(
            f"WARNING: #{hashtag} has no DAG{did_you_mean(hashtag, names)}: it is not in {hashtags_file}, or its entry "
            "has a mistake.",
            file=sys.stderr,
        )
    if date > storage.today().isoformat():
        print(f"WARNING: {date} is in the future. Runs ignore its tweets until that day.", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
