"""The same tokens as nltk's, on texts of people and on texts that nobody would write."""

import csv

from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.tweets.batch_tokens import TEXTS_AT_ONCE, word_tokenize_all
from include.tweets.punkt import english, word_tokenize
from tests.conftest import REPOSITORY

SAMPLES = REPOSITORY / "include" / "sample_data"
FRAGMENTS = [
    *""" .,:;!?'"`()[]{}<>*#@$%&-_/\\|~^+=""",
    "..",
    "...",
    "--",
    "``",
    "''",
    "'s",
    "'ll",
    "n't",
    "'re",
    "'ve",
    "'d",
    "'m",
    "'t",
    "'tis",
    "'twas",
    "cannot",
    "gonna",
    "gotta",
    "wanna",
    "gimme",
    "lemme",
    "d'ye",
    "more'n",
    "can't",
    "mr.",
    "u.s.",
    "e.g.",
    "a.",
    "b.",
    "etc.",
    "3.14",
    "1,000",
    "10:30",
    "12",
    "0",
    "\n",
    "\r\n",
    "\t",
    "\xa0",
    "\u2003",
    "\u200b",
    "\u2028",
    "\x0b",
    "\x0c",
    "\x85",
    "\x1c",
    "\x00",
    "\x01",
    "\x02",
    "«",
    "»",
    "“",
    "”",
    "‘",
    "’",
    "„",
    "–",
    "—",
    "…",
    "é",
    "ß",
    "中",
    "日本",
    "ı",
    "ſ",
    "\u0307",
    "i\u0307",
    "\u0301",
    "😀",
    "👩\u200d💻",
    "🇺🇸",
    "\ufe0f",
    "١",
    "²",
    "½",
    "https://t.co/x",
    "http://a.b/c?d=e&f",
    "#aws",
    "@user",
    "&amp;",
    "rt",
    "a",
    "b",
    "i",
    "foo",
    "day",
    "the",
    "no",
    "no.",
    "ph.d.",
    "x.y",
    "...)",
    ".'",
    ".'\"",
    "!)",
    '?"',
    "' '",
    " " * 3,
]


def from_nltk(texts):
    return [word_tokenize()(text) for text in texts]


def cells(path):
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return [cell for row in csv.reader(file) for cell in row[1:]]


def assert_same(texts):
    for text, ours, theirs in zip(texts, word_tokenize_all(texts), from_nltk(texts), strict=True):
        assert ours == theirs, text


KNOWN_TO_PUNKT = [
    *(f"{word}." for word in sorted(english().abbreviations)),
    *(f"{first.replace('##number##', '3')}. {second}" for first, second in sorted(english().collocations)),
    *sorted(english().sentence_starters),
    *sorted(english().contexts)[::100],
]
fragments = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.just(" ")), max_size=25).map("".join)
words = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=4)), max_size=15).map(" ".join)
known = st.sampled_from([*KNOWN_TO_PUNKT, "3", "-5", "x", "\U0001d400"])
marks = st.sampled_from(["", ".", "...", "?", '."'])
sentences = st.lists(st.tuples(known, marks).map("".join), max_size=9).map(" ".join)
narrow = st.text(st.sampled_from("ab. '\"`:,?!)(-\n"), max_size=25)


@settings(max_examples=1500)
@given(st.one_of(fragments, words, sentences, narrow, st.text(max_size=40)))
@example("can't've")
@example("lemme'twas")
@example("n'tn't")
@example("a::b ,, c")
@example(' ?"...)')
@example("mr. smith went. to u.s. soil...")
@example('\'"hello"\' ("x")')
def test_whatever_is_written(text):
    lower = text.lower()

    assert word_tokenize_all([lower]) == from_nltk([lower])


@settings(max_examples=150)
@given(st.lists(st.one_of(fragments, words, sentences, narrow), max_size=12))
def test_texts_do_not_touch_each_other(texts):
    lower = [text.lower() for text in texts]

    assert word_tokenize_all(lower) == from_nltk(lower)


def test_the_sample_tweets():
    texts = [cell.lower() for path in sorted(SAMPLES.rglob("labeled.csv/*")) for cell in cells(path)]
    assert len(texts) > 500
    assert_same(texts)


def test_more_texts_than_one_chunk():
    texts = [f"tweet no. {number}, it's fine..." for number in range(TEXTS_AT_ONCE + 3)]

    assert_same(texts)


def test_no_texts_and_empty_texts():
    assert word_tokenize_all([]) == []
    assert word_tokenize_all(["", " ", "a", ""]) == [[], [], ["a"], []]
