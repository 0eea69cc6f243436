import csv
import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.tweets.cleaning import GROUP_CHARACTERS, UndecodableCell, body_of, clean, groups, plain_text


def nested(text: str, author: str = "Ruiz, Data Engineer", hashtag: str | None = None) -> str:
    """A cell as the collector writes it."""
    cell = io.StringIO()
    fields = [author, "2019-01-04 17:33:00", repr(text.encode())]
    csv.writer(cell, lineterminator="").writerow([hashtag, *fields] if hashtag else fields)
    return cell.getvalue()


def body(cell: str) -> str:
    return body_of(plain_text(cell))


def group(cell: str) -> str:
    return groups([body(cell)])[0]


@given(
    st.text(max_size=280), st.sampled_from([None, "aws"]), st.sampled_from(["Ana", "Ruiz, Engineer", 'O"Neil', "b'"])
)
def test_the_collectors_cell_is_decoded_whatever_the_tweet_and_the_author(text, hashtag, author):
    text = unicodedata.normalize("NFC", text.encode("utf-8", "ignore").decode().replace("&", "+"))

    assert plain_text(nested(text, author, hashtag)) == text


def test_html_entities_are_unescaped_once():
    assert plain_text(nested("a &amp; b &amp;lt; c")) == "a & b &lt; c"


def test_a_plain_text_is_taken_as_it_is():
    assert plain_text("hello &gt; world, 2019") == "hello > world, 2019"


def test_the_original_recipe_keeps_the_whole_cell():
    cell = nested("Café &amp; cloud")

    assert clean(cell, "original") == cell
    assert clean(cell, "clean") == "Café & cloud"


def test_the_same_tweet_of_two_authors_has_one_body():
    assert body(nested("hello", "Ana")) == body(nested("hello ", "Bo", "aws"))


def test_a_tweet_cut_inside_a_character_is_still_a_tweet():
    assert plain_text(r"Ana,2019-01-04 17:33:00,b'caf\xc3'") == "caf\ufffd"


def test_a_reference_to_no_character_is_read_however_long_its_number_is():
    assert plain_text("a &#" + "9" * 5000 + "; b") == "a \ufffd b"


def test_a_comment_sign_behind_the_repr_hides_nothing():
    assert plain_text(nested("#", "b'")) == "#"


@pytest.mark.parametrize("broken", [r"b'no end", r"b'\xg'", "b'a' + b'b'", "b''" + "-" * 3000 + "''"])
def test_a_broken_repr_is_an_error(broken):
    with pytest.raises(UndecodableCell, match="broken"):
        clean(f"Ana,2019-01-04 17:33:00,{broken}", "clean")


LONG = "CloudEXPO Silicon Valley, June 24-26: call for papers is open, submit yours today and see you there #aws #iot"


@pytest.mark.parametrize(
    "copy",
    [
        f"RT @expo: {LONG}",
        f"RT @a: RT @expo: {LONG}",
        f"{LONG} https://t.co/abc",
        f"RT @expo: {LONG[:100]}…",
        LONG.upper(),
    ],
)
def test_near_copies_share_their_group_so_that_they_share_their_split(copy):
    assert group(copy) == group(LONG)


def test_every_text_has_a_group():
    assert group("https://t.co/abc")
    assert group("👍")


def group_of(body: str) -> str:
    """The rule of `groups` in plain words, one tweet at a time."""
    text = body
    while (shorter := re.sub(r"^\W*RT\b\W*(@?\w+:|@\w+)", "", text, flags=re.IGNORECASE)) != text:
        text = shorter
    text = re.sub(r"\S*(…|\.\.\.)\s*$", "", re.sub(r"https?://\S+|@\w+:?", "", text))
    without_hashtags = re.sub(r"(\s*#\w+)+\W*$", "", text)
    return words_of(without_hashtags) or words_of(text) or words_of(body) or body


def words_of(text: str) -> str:
    words = re.sub(r"[\W_]+", " ", text.casefold()).strip()
    return re.sub(r"\b\d+( \d+)*\b", "0", words)[:GROUP_CHARACTERS]


PIECES = [
    *("RT @ana: ", "rt bo:", "RT @x ", "Rt", "@ana", "@ana:", "https://t.co/x1", "http://", "…", "...", ".", "#aws"),
    *("#aws_2", "# ", "#", "31", "1,036", "2nd", "v2", "_", "a_b", "é", "ß", "K", "ſ", "İ", "１２", "٣", "½", "ⅷ"),
    *("👍", "\u0301", "\u200d", "中文", "\0", "\x7f", "!", "-", "?", ":", ";", "(", "word", "Word", "a", "0", "00"),
]
bodies = st.lists(st.one_of(st.sampled_from(PIECES), st.just(" "), st.text(max_size=3)), max_size=25).map(
    lambda pieces: " ".join("".join(pieces).split())
)


@given(st.lists(bodies, max_size=8))
def test_groups_of_many_tweets_are_those_of_each_tweet(found):
    assert groups(found) == [group_of(body) for body in found]
