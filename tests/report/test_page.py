import re
from html.parser import HTMLParser

import pytest

from include.report.document import Links, describe_evaluation, describe_run
from include.report.page import render
from include.results import Results
from tests.report.reports import a_report, a_run, data_report, evaluation

HOSTILE = """<script>alert(1)</script> <img src=x onerror=alert(2)> "><svg onload=alert(3)> {{ 7*7 }} </table> '"&"""


class Elements(HTMLParser):
    """Every element of a page with its attributes, and all of its text."""

    def __init__(self, page: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def test_hostile_tweets_are_text_and_nothing_else():
    clean, hostile = (Elements(render(a_report(text=text))) for text in ("a tweet", HOSTILE))

    # The same elements as with a harmless tweet: not one comes from the tweet.
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in clean.elements]
    assert "script" not in {tag for tag, _ in hostile.elements}
    assert not [name for _, attributes in hostile.elements for name in attributes if name.startswith("on")]
    assert HOSTILE in hostile.text
    assert "{{ 7*7 }}" in hostile.text


def test_hostile_names_of_runs_and_files_are_text():
    page = Elements(render(a_report(run=a_run(run_id=HOSTILE, parameters={HOSTILE: HOSTILE}, files={"x": HOSTILE}))))

    assert "script" not in {tag for tag, _ in page.elements}
    assert page.text.count(HOSTILE) >= 4


def test_it_is_one_file_that_loads_nothing():
    page = render(a_report())

    for tag, attributes in Elements(page).elements:
        assert tag not in {"script", "link", "img", "iframe", "object", "embed", "base"}
        for name in ("src", "href", "xlink:href", "action", "data", "poster"):
            if (tag, name) == ("a", "href"):  # loads only what somebody clicks
                continue
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
    assert not re.search(r"url\((?!#)|@import", page)
    assert "default-src 'none'" in page
    assert 'name="viewport"' in page
    assert "@media print" in page


def test_everything_that_a_reader_needs_is_there():
    page = Elements(render(a_report(warnings=("The labels contradict each other.",))))

    for title in (
        "Evaluation",
        "Comparison with the champion",
        "Metrics by label",
        "Confusion matrix",
        "Calibration",
        "Accuracy by date",
        "Accuracy by epoch",
        "Tweets to look at first",
        "Words that tell the labels",
        "Data",
        "Contradictory labels",
        "Smoke test of the endpoint",
        "Cost",
        "Settings",
    ):
        assert title in page.text
    assert [attributes.get("role") for tag, attributes in page.elements if tag == "svg"].count("img") == 3


def test_what_is_wrong_with_the_data_is_read_first():
    page = render(a_report(warnings=("The labels contradict each other.",)))

    first = page.index('<p class="warning">The labels contradict each other.')
    assert first < page.index("Deployed: it is good.", page.index("<body>"))


@pytest.mark.parametrize("count", [2, 4, 100])
def test_any_number_of_labels_can_be_read(count):
    labels = [f"label{number}" for number in range(count)]

    page = Elements(render(a_report(labels)))

    assert all(label in page.text for label in labels)
    widest = max(row.count("<t") for row in re.findall(r"<tr>.*?</tr>", render(a_report(labels)), re.DOTALL))
    assert widest < 30


def test_a_run_that_came_to_nothing_has_a_page():
    page = render(describe_run(a_run(states={"prepare_dataset": "failed"}), Results(), None, None, []))

    assert "Failed at prepare_dataset: " in page
    assert "Evaluation" not in page


def test_the_same_report_gives_the_same_page():
    assert render(a_report()) == render(a_report())


@pytest.mark.parametrize(
    ("states", "sign", "status"),
    [
        ({"deploy_endpoint": "success"}, "✓", "Deployed"),
        ({"deploy_endpoint": "skipped"}, "⊘", "Not deployed"),
        ({"deploy_endpoint": "success", "smoke_test": "failed"}, "✗", "Failed"),
        ({"deploy_endpoint": "running"}, "…", "Unfinished"),
    ],
)
def test_the_header_shows_at_a_glance_what_became_of_the_model(states, sign, status):
    page = render(a_report(run=a_run(states=states)))

    assert f'<header class="{status.lower().replace(" ", "-")}">' in page
    assert f'<span class="status">{sign} {status}</span>' in page
    assert f"<title>{sign} #aws 2026-01-07" in page


def test_run_logs_registry_rejected_rows_and_other_dates_are_linked():
    page = Elements(render(a_report(run=a_run(states={"deploy_endpoint": "failed"}))))

    addresses = {attributes.get("href") for tag, attributes in page.elements if tag == "a"}
    assert addresses >= {
        "https://airflow.example.org/dags/retrain_aws/runs/manual__1",
        "https://airflow.example.org/tasks/deploy_endpoint",
        "https://example.org/registry",
        "https://example.org/rejected.csv",
        "https://example.org/2026-01-07/report.html",
    }


def test_an_evaluation_outside_of_a_run_has_the_same_page():
    run = a_run(date=None, run_id=None, dag_id=None, name=None, states={}, links=Links())
    page = render(describe_evaluation(run, data_report(["a", "b"]), evaluation(["a", "b"]), "It passes the gate."))

    assert "ⓘ Evaluated" in page
    assert "It passes the gate." in page
    assert "Confusion matrix" in page
