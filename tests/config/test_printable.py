import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.config.printable import printable


@given(st.text(st.characters()))
def test_whatever_others_write_can_be_shown_and_does_nothing_to_who_shows_it(text):
    shown = printable(text)

    shown.encode("utf-8")
    assert {unicodedata.category(sign) for sign in shown} & {"Cc", "Cs", "Zl", "Zp"} <= {"Cc"}
    assert {sign for sign in shown if unicodedata.category(sign) == "Cc"} <= {"\t", "\n"}
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe\tund 🎉\n", "Größe\tund 🎉\n"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\rb", "a\\rb"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud83d", "\\ud83d"),
    ],
)
def test_controls_are_written_out_and_all_else_stays(text, shown):
    assert printable(text) == shown
