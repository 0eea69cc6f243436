"""The page in headless Chromium, as Airflow's API server answers it: `make test-browser`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from hashtag_retrain.page.hashtags import PENDING
from tests.plugins.page.chromium import Tab, tab_of_chromium
from tests.plugins.page.rows import dates_from, model_extra, report_extra
from tests.plugins.page.test_app import ENDPOINT, HOSTILE, add_endpoint, listed

NOW = datetime.now(UTC)
PHONE, SCREEN = (360, 640), (1300, 800)
LONG = "W" * 300
DARK_AIRFLOW = """<!doctype html><html class="dark"><body><iframe src="/hashtags/" style="width: 100%; height: 700px"
    sandbox="allow-scripts allow-same-origin allow-forms"></iframe></body></html>"""
PAGES = ("", "retrain_page_a", "retrain_page_b", "retrain_none")
CONTRASTS = """
(() => {
  const channel = value => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b)
  const numbers = color => color.match(/[\\d.]+/g).map(Number)
  const back = element => {
    for (; element; element = element.parentElement) {
      const found = numbers(getComputedStyle(element).backgroundColor)
      if (found.length < 4 || found[3] > 0) return found
    }
    return [255, 255, 255]
  }
  return [...document.body.querySelectorAll("*")]
    .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
    .map(element => {
      const style = getComputedStyle(element), isDrawn = element.namespaceURI.endsWith("svg")
      const pair = [numbers(isDrawn ? style.fill : style.color), back(element)].map(luminance)
      return [(Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05), element.outerHTML.slice(0, 200)]
    })
})()
"""
"""The contrast of each text to what is behind it, as https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio defines it."""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with tab_of_chromium(tmp_path_factory.mktemp("chromium")) as tab:
        yield tab


@pytest.fixture
def site(as_user: Callable[..., Any]) -> Iterator[str]:
    """The address of the page, for somebody who is logged in."""
    client = as_user()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/dark":
                status, headers, content = 200, {"Content-Type": "text/html"}, DARK_AIRFLOW.encode()
            else:
                answer = client.get(self.path)
                status, headers, content = answer.status_code, answer.headers, answer.content
            self.send_response(status)
            for name in ("Content-Type", "Content-Security-Policy"):
                if name in headers:
                    self.send_header(name, headers[name])
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def hashtags(rows: Any) -> None:
    """One as it usually is, and one all of whose texts are hostile or long."""
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], dates_from("2026-01-01", 7))
    add_endpoint(rows, created=NOW, deadline=NOW + timedelta(hours=1))
    rows.add_dag("page_b", owners=HOSTILE)
    run = rows.add_run("page_b", "2026-01-07", start_date=NOW - timedelta(minutes=1), run_id=HOSTILE + LONG)
    shared = {"source_run_id": HOSTILE + LONG, "timestamp": NOW - timedelta(seconds=30)}
    links: dict[str, Any] = {"report_url": "javascript:alert(1)", "registry_url": "data:text/html,x"}
    rows.add_event("page_b", "model_version", HOSTILE, model_extra(HOSTILE, 3, approval=PENDING, **links), **shared)
    told = report_extra(
        HOSTILE, version=None, outcome=HOSTILE + 10 * LONG, status=HOSTILE, report_url="javascript:alert(1)"
    )
    rows.add_event("page_b", "report", HOSTILE, told, **shared)
    rows.add_question(rows.add_task("page_b", run, "hold_endpoint", "deferred"), HOSTILE + LONG)
    hostile = dict.fromkeys(("status", "version", "instance_type"), HOSTILE + LONG)
    listed(rows, "page_a", "page_b", at=NOW - timedelta(minutes=5), **hostile)


@pytest.mark.parametrize("path", PAGES)
def test_hostile_texts_are_shown_and_run_nothing(hashtags: None, site: str, tab: Tab, path: str) -> None:
    tab.open(f"{site}/hashtags/{path}")

    asked_for = {event["request"]["url"] for event in tab.heard("Network.requestWillBeSent")}
    assert asked_for <= {f"{site}/hashtags/{path}", f"{site}/favicon.ico"}
    assert tab.heard("Page.javascriptDialogOpening") == tab.heard("Runtime.exceptionThrown") == []
    assert [event["entry"]["text"] for event in tab.heard("Log.entryAdded") if "Policy" in event["entry"]["text"]] == []
    assert tab.evaluate("document.images.length + document.scripts.length") == 1
    if path in {"", "retrain_page_b"}:
        assert HOSTILE in tab.evaluate("document.body.innerText")
    assert tab.evaluate("[...document.links].every(link => /^https?:$/.test(link.protocol))")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("size", [PHONE, SCREEN], ids=["phone", "screen"])
def test_nothing_is_wider_than_the_window(
    hashtags: None, site: str, tab: Tab, size: tuple[int, int], path: str
) -> None:
    """Tables and large charts scroll in boxes of their own."""
    tab.resize(*size)

    tab.open(f"{site}/hashtags/{path}")

    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert tab.evaluate("Math.max(...[...document.querySelectorAll('.card')].map(c => c.scrollWidth), 0)") <= size[0]


def test_a_long_reason_of_aws_leaves_room_for_the_rest(hashtags: None, site: str, tab: Tab) -> None:
    tab.open(f"{site}/hashtags/")

    shown, whole = (
        tab.evaluate(f"Math.max(...[...document.querySelectorAll('.card .outcome')].map(text => text.{height}))")
        for height in ("clientHeight", "scrollHeight")
    )
    assert shown < 200 < whole  # the rest is reached by scrolling


def test_on_a_phone_the_newest_date_is_in_sight_and_no_cell_is_broken_into_lines(
    hashtags: None, site: str, tab: Tab
) -> None:
    tab.resize(*PHONE)

    tab.open(f"{site}/hashtags/retrain_page_a")

    assert tab.evaluate("Math.max(...[...document.querySelectorAll('td, th')].map(cell => cell.offsetHeight))") < 40
    assert tab.evaluate("document.querySelector('.small svg').getBoundingClientRect().right") <= PHONE[0]


def test_on_a_phone_a_chart_of_many_dates_is_scrolled_to_the_newest(rows: Any, site: str, tab: Tab) -> None:
    rows.add_dag("page_a")
    rows.add_dates(["page_a"], dates_from("2026-01-01", 60))
    tab.resize(*PHONE)

    tab.open(f"{site}/hashtags/retrain_page_a")

    assert tab.evaluate("document.querySelector('.wide').scrollLeft") > 100
    assert tab.evaluate("document.querySelector('.wide svg').getBoundingClientRect().right") <= PHONE[0]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(hashtags: None, site: str, tab: Tab, scheme: str, path: str) -> None:
    """In both modes, with the contrast that WCAG's level AA asks of small text."""
    tab.prefer(scheme)

    tab.open(f"{site}/hashtags/{path}")

    assert tab.evaluate("document.documentElement.classList.contains('dark')") == (scheme == "dark")
    assert [text for contrast, text in tab.evaluate(CONTRASTS) if contrast < 4.5] == []


def test_in_airflow_the_page_has_airflows_mode(hashtags: None, site: str, tab: Tab) -> None:
    tab.prefer("light")
    framed = "document.querySelector('iframe').contentDocument"

    tab.open(f"{site}/dark")

    assert ENDPOINT in tab.evaluate(f"{framed}.body.innerText")
    assert tab.evaluate(f"{framed}.documentElement.classList.contains('dark')")
    tab.evaluate("document.documentElement.classList.remove('dark')")
    assert not tab.evaluate(f"{framed}.documentElement.classList.contains('dark')")
