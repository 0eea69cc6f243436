import pytest

from hashtag_retrain import links


@pytest.mark.parametrize(
    ("xcom", "link"), [("http://somewhere/report.html", "http://somewhere/report.html"), (None, "")]
)
def test_the_report_is_linked_as_soon_as_it_is_there(monkeypatch, xcom, link):
    monkeypatch.setattr(links.XCom, "get_value", lambda **_: xcom)

    assert links.ReportLink().get_link(None, ti_key=None) == link
