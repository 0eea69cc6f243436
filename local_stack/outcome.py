"""Print the outcome of a run, from its report."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from include.config.printable import printable
from include.tweets.tally import words_of_rows

MAX_TWEET_LENGTH = 70


def print_outcome(report: dict[str, Any], console: Console) -> None:
    """Print the parts of a report that a run has."""
    console.print(Text(printable(f"\n{report['outcome']}"), style="bold"), soft_wrap=True)
    if report["data"]:
        _print_data(report["data"], console)
    if report["evaluation"]:
        _print_evaluation(report["evaluation"], console)
    if registration := report["registration"]:
        console.print(f"Model registry: version {registration['version']}, {registration['approval']}")
    if report["smoke_test"]:
        console.print(_smoke_test_table(report["smoke_test"]))
    if endpoint := report["endpoint"]:
        deleted_at = (report["deletion"] or {}).get("deleted_at")
        console.print(f"Endpoint {endpoint['endpoint_name']}: created {endpoint['created_at']},")
        console.print(f"    deadline {endpoint['deadline']}, deleted {deleted_at or '[red]not deleted[/red]'}")


def _print_data(data: dict[str, Any], console: Console) -> None:
    sizes = ", ".join(f"{name} {split['examples']}" for name, split in data["splits"].items())
    console.print(words_of_rows(data))
    console.print(f"Tweets per split: {sizes}")
    for warning in data["warnings"]:
        console.print(Text(printable(warning), style="yellow"), soft_wrap=True)


def _print_evaluation(evaluation: dict[str, Any], console: Console) -> None:
    console.print(Text(printable(" ".join(evaluation["verdicts"]))), soft_wrap=True)
    if copies := evaluation["near_copies"]:
        console.print(f"Near copies of other test tweets, such as retweets, which the accuracy leaves out: {copies}")


def _smoke_test_table(answers: list[dict[str, Any]]) -> Table:
    table = Table(title="What the endpoint answered for tweets of the test split", title_justify="left")
    for column in ("tweet", "labelled", "predicted", "probability"):
        table.add_column(column, justify="right" if column == "probability" else "left")
    for answer in answers:
        text = printable(" ".join(answer["text"].split()))
        shown = Text(text if len(text) <= MAX_TWEET_LENGTH else text[: MAX_TWEET_LENGTH - 1] + "…")
        style = "" if answer["predicted"] == answer["label"] else "yellow"
        predicted = Text(printable(answer["predicted"]), style=style)
        table.add_row(shown, Text(printable(answer["label"])), predicted, f"{answer['probability']:.3f}")
    return table
