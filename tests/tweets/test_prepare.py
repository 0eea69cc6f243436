import csv
import gzip
import io
import json
import random
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.config.errors import DataError
from include.tweets import prepare as prepare_module
from include.tweets import rows
from include.tweets.prepare import PrepareSettings, Source, prepare
from include.tweets.split import SPLITS, Fractions
from include.tweets.supervised import parse_example
from include.tweets.tokens import tokenize

WORDS = ("lambda", "bucket", "webinar", "discount", "kernel", "latency", "coupon", "offer", "deploy", "region")


def source(rows: list[tuple[str, str]], name: str = "part.csv", rank: int = 0) -> Source:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return raw_source(text.getvalue().encode(), name, rank)


def raw_source(content: bytes, name: str = "part.csv", rank: int = 0) -> Source:
    return Source(name, lambda: io.BytesIO(content), rank)


def some_rows(count: int, seed: int = 0) -> list[tuple[str, str]]:
    chance = random.Random(seed)
    return [(chance.choice("01"), f"tweet {number} {' '.join(chance.choices(WORDS, k=6))}") for number in range(count)]


def examples(out: Path) -> dict[str, list[tuple[str, str]]]:
    return {
        split: [parse_example(line) for line in (out / f"{split}.txt").read_text().splitlines()] for split in SPLITS
    }


def rejected(out: Path) -> list[dict[str, str]]:
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_every_row_is_in_a_split_or_rejected_with_its_line_and_reason(tmp_path):
    rows = [*some_rows(300), ("2", "unknown label"), ("0", " "), *some_rows(20)]

    report = prepare([source(rows)], tmp_path, PrepareSettings())

    assert report["rows"] == {"read": 322, "used": 320, "rejected": 2, "duplicates": 20}
    assert sum(len(found) for found in examples(tmp_path).values()) == 300
    assert [(row["line"], row["reason"]) for row in rejected(tmp_path)] == [
        ("301", "unknown_label"),
        ("302", "empty_text"),
    ]
    assert report == json.loads((tmp_path / "report.json").read_text())


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from("012"), st.sampled_from(WORDS)), max_size=60), st.integers(0, 3))
def test_no_row_is_lost_and_no_tweet_is_in_two_splits(tmp_path_factory, rows, seed):
    out = tmp_path_factory.mktemp("out")
    options = PrepareSettings(seed=seed, max_rejected_share=1.0)

    report = prepare([source([*some_rows(200), *rows])], out, options)

    used = report["rows"]["used"]
    found = examples(out)
    assert used + len(rejected(out)) == report["rows"]["read"] == 200 + len(rows)
    assert sum(map(len, found.values())) + report["rows"]["duplicates"] == used
    instances = [instance for split in SPLITS for _, instance in found[split]]
    assert len(instances) == len(set(instances))


def test_output_is_the_same_whatever_the_order_of_files_and_the_number_of_processes(tmp_path):
    sources = [source(some_rows(120, seed), f"part-{seed}.csv") for seed in range(4)]

    prepare(sources, tmp_path / "one", PrepareSettings(), processes=1)
    prepare(sources[::-1], tmp_path / "two", PrepareSettings(), processes=2)

    assert files(tmp_path / "one") == files(tmp_path / "two")


NASTY_LINES = [
    b'0,"two\nlines"\n',
    b'0,"opens\n',
    b'1,"opens, closes\n0,swallowed\n"\n',
    b"0,a\0b\n",
    b"1,\xff\n",
    b"\n",
]


def nasty_file(seed: int) -> bytes:
    """Some 50 kB, with rows again and again, contradicting labels, and quotes across lines."""
    chance = random.Random(seed)
    lines = [f"{label},{text}\n".encode() for label, text in some_rows(400, seed)]
    lines += [b"%d" % (line[:1] == b"0") + line[1:] for line in lines[:40]] + NASTY_LINES
    return b"".join(chance.choices(lines, k=1000))


def test_small_buckets_that_are_worked_on_together_give_the_same_as_one_by_one(tmp_path, monkeypatch):
    sources = [raw_source(nasty_file(seed), f"part-{seed}.csv", rank=seed % 2) for seed in range(3)]
    options = PrepareSettings(max_rejected_share=1.0)

    prepare(sources, tmp_path / "together", options, processes=1)
    monkeypatch.setattr(prepare_module, "BUCKET_BYTES", 0)
    prepare(sources, tmp_path / "one by one", options, processes=1)

    assert files(tmp_path / "together") == files(tmp_path / "one by one")


def test_files_cut_into_blocks_and_shared_by_processes_give_the_same_as_one_process(tmp_path, monkeypatch):
    sources = [raw_source(nasty_file(seed), f"part-{seed}.csv", rank=seed % 2) for seed in range(3)]
    options = PrepareSettings(max_rejected_share=1)
    monkeypatch.setattr(rows, "BLOCK_BYTES", 10**9)
    prepare(sources, tmp_path / "whole files", options, processes=1)

    monkeypatch.setattr(rows, "BLOCK_BYTES", 1)
    monkeypatch.setattr(prepare_module, "BLOCKS_AT_ONCE", 2)
    monkeypatch.setattr(prepare_module, "PARALLEL_FROM_ROWS", 700)
    prepare(sources, tmp_path / "one", options, processes=1)
    prepare(sources, tmp_path / "as many as it likes", options)

    expected = files(tmp_path / "whole files")
    assert len(rejected(tmp_path / "whole files")) > 100
    assert files(tmp_path / "one") == expected
    assert files(tmp_path / "as many as it likes") == expected


def test_a_damaged_file_is_reported_on_in_the_same_way_by_many_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "BLOCK_BYTES", 1)
    damaged = gzip.compress(nasty_file(0) + nasty_file(1))[:-3000]
    sources = [raw_source(nasty_file(2), "a.csv"), raw_source(damaged, "b.csv"), raw_source(b"0,x\n", "c.csv")]
    for processes in (1, 2):
        with pytest.raises(DataError, match=r"b\.csv: the gzip file is damaged"):
            prepare(sources, tmp_path / str(processes), PrepareSettings(), processes)

    assert files(tmp_path / "1") == files(tmp_path / "2")
    report = json.loads((tmp_path / "1" / "report.json").read_text())
    assert report["files"].keys() == {"a.csv", "b.csv"}
    assert report["files"]["b.csv"] > 500


def test_progress_goes_up_to_the_whole(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(source(some_rows(3000)).open().read())
    shares: dict[str, list[float]] = {}

    prepare(
        [Source.from_path(path)],
        tmp_path / "out",
        PrepareSettings(),
        progress=lambda doing, share: shares.setdefault(doing, []).append(share),
    )

    assert list(shares) == ["reading", "tokenising"]
    assert all(found == sorted(found) and found[-1] == 1 for found in shares.values())


def test_another_seed_shuffles_and_splits_otherwise(tmp_path):
    prepare([source(some_rows(200))], tmp_path / "one", PrepareSettings(seed=1))
    prepare([source(some_rows(200))], tmp_path / "two", PrepareSettings(seed=2))

    assert files(tmp_path / "one")["train.txt"] != files(tmp_path / "two")["train.txt"]


def test_a_tweet_stays_in_its_split_while_the_data_grow(tmp_path):
    prepare([source(some_rows(200))], tmp_path / "day", PrepareSettings())
    prepare([source(some_rows(200)), source(some_rows(400, seed=1), "next.csv")], tmp_path / "next", PrepareSettings())

    day, next_day = examples(tmp_path / "day"), examples(tmp_path / "next")
    for split in SPLITS:
        assert set(day[split]) <= set(next_day[split])


@settings(max_examples=8)
@given(st.data())
def test_no_window_tests_on_a_tweet_that_another_window_trains_or_validates_on(tmp_path_factory, data):
    """So a champion, of whatever date and window, has not been trained on a candidate's test tweets."""
    texts = [text for _, text in some_rows(300)]
    changed = st.sampled_from(["{}", "RT @ana: {}", "{} https://t.co/x", "{}!", "{} #aws"])
    dates = [
        source(
            [
                (data.draw(st.sampled_from("01")), data.draw(changed).format(text))
                for text in data.draw(st.lists(st.sampled_from(texts), min_size=40, max_size=60))
            ]
            + some_rows(60, seed),
            f"{seed}.csv",
            rank=seed,
        )
        for seed in range(1, 4)
    ]
    windows = [dates[:1], dates[1:2], dates[:3], dates[1:]]

    found = []
    for window in windows:
        out = tmp_path_factory.mktemp("window")
        prepare(window, out, PrepareSettings())
        found.append({split: {instance for _, instance in rows} for split, rows in examples(out).items()})

    for champion in found:
        for candidate in found:
            assert not (champion["train"] | champion["validation"]) & candidate["test"]


def test_the_rule_is_the_same_only_for_models_that_can_be_compared():
    rule = PrepareSettings(labels={"0": "a", "1": "b"}).rule
    others = [
        {"seed": 1},
        {"recipe": "original"},
        {"fractions": Fractions(0.7, 0.1, 0.2)},
        {"labels": {"0": "a", "1": "c"}},
    ]

    assert PrepareSettings(labels={"x": "b", "y": "a"}, min_confidence=0.5, max_rejected_share=0.5).rule == rule
    for other in others:
        assert PrepareSettings(**{"labels": {"0": "a", "1": "b"}, **other}).rule != rule


def test_retweets_and_cut_copies_share_the_split_of_their_tweet(tmp_path):
    rows = []
    for label, text in some_rows(100):
        text = f"{text} and so much more to read about it in the second half of this long tweet"
        rows += [(label, text), (label, f"RT @ana: {text[:90]}…"), (label, f"RT @bo: {text} https://t.co/x")]

    prepare([source(rows)], tmp_path, PrepareSettings())

    number = {
        split: {instance.split("tweet ")[1].split()[0] for _, instance in found}
        for split, found in examples(tmp_path).items()
    }
    assert not number["train"] & number["test"]
    assert not number["train"] & number["validation"]
    assert not number["validation"] & number["test"]


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-07 17:07:42",
        "2026-01-07 17:07:42+00:00",
        "2026-01-07 17:07:42.123456+0000",
        "2026-01-07T17:07:42.000Z",
        "2026-01-07T17:07:42",
        "2026-01-07",
        "Wed Jan 07 17:07:42 +0000 2026",
        None,
    ],
)
def test_retweets_do_not_leak_between_the_splits_in_whatever_form_the_collector_wrote_them(tmp_path, time):
    rows = []
    for number, (label, text) in enumerate(some_rows(60)):
        tweet = text.replace("tweet", "caf\u00e9")
        for copy, body in enumerate((tweet, f"RT @ana: {tweet}", f"RT @bo: {tweet} https://t.co/x")):
            cell = repr(body.encode())
            rows.append((label, f"aws,Ruiz {number}-{copy},{time},{cell}" if time else cell))

    prepare([source(rows)], tmp_path, PrepareSettings())

    tweets = {
        split: {" ".join(instance.split("caf\u00e9")[1].split()[1:7]) for _, instance in found}
        for split, found in examples(tmp_path).items()
    }
    assert len(set.union(*tweets.values())) == 60
    assert sum(map(len, tweets.values())) == 60


def test_tweets_that_differ_in_numbers_only_share_a_split(tmp_path):
    rows = [
        *some_rows(60),
        *(("1", f"Last {number} / {number + 9} tickets, 5{number % 10} % off") for number in range(90)),
    ]

    prepare([source(rows)], tmp_path, PrepareSettings())

    splits = {split for split, found in examples(tmp_path).items() for _, text in found if text.startswith("last ")}
    assert len(splits) == 1


def test_labels_in_other_spellings_are_read_and_noted(tmp_path):
    rows = [({"0": "0.0", "1": "Marketing"}[label], text) for label, text in some_rows(60)]

    report = prepare([source(rows)], tmp_path, PrepareSettings())

    assert report["rows"]["rejected"] == 0
    (note,) = report["notes"]
    assert "'0.0' as technical" in note and "'Marketing' as marketing" in note


EVENTS = {"0": "technical", "1": "marketing", "2": "event"}


def test_a_label_whose_rows_are_all_unknown_is_an_error_that_says_what_was_meant(tmp_path):
    rows = [*some_rows(300), *[("evnt", f"conference {word}") for word in WORDS]]

    said = r"No row has the label event\. Rows with an unknown label: 10,.*line 301: label 'evnt'.*mean event"
    with pytest.raises(DataError, match=said):
        prepare([source(rows)], tmp_path, PrepareSettings(labels=EVENTS))


def test_labels_that_cannot_be_learnt_or_measured_are_warnings(tmp_path):
    report = prepare([source(some_rows(300))], tmp_path, PrepareSettings(labels=EVENTS))
    assert report["warnings"] == ["No row has the label event: the model cannot predict it."]

    report = prepare([source([*some_rows(300), ("2", "one")])], tmp_path, PrepareSettings(labels=EVENTS))
    (warning,) = report["warnings"]
    assert warning.startswith(("No train tweet has the label event", "No test tweet has the label event"))


def dated(date: str, rows: list[tuple[str, str]]) -> Source:
    return source(rows, f"{date}/labeled.csv/part-0.csv")


@pytest.fixture
def week() -> list[Source]:
    return [dated(f"2026-02-0{day}", some_rows(100, seed=day)) for day in range(1, 7)]


def test_an_older_date_that_is_lost_is_a_warning_that_names_the_file(tmp_path, week):
    bad = dated("2026-01-31", [("7", "x"), *[("8", f"y{number}") for number in range(40)]])

    report = prepare([*week, bad], tmp_path, PrepareSettings())

    (warning,) = report["warnings"]
    assert warning.startswith("2026-01-31/labeled.csv/part-0.csv: 41 of 41 rows cannot be used. The first one is in ")


def test_the_newest_date_that_is_lost_is_an_error_although_other_dates_are_well(tmp_path, week):
    bad = dated("2026-02-07", [("8", f"y{number}") for number in range(40)])

    with pytest.raises(DataError, match=r"2026-02-07: 40 of 40 rows cannot be used.*max_rejected_share_of_file"):
        prepare([*week, bad], tmp_path, PrepareSettings())


def test_a_header_row_that_is_not_known_is_hinted_at(tmp_path):
    content = "v1,v2\n" + "".join(f"ham{label},{text}\n" for label, text in some_rows(20))

    with pytest.raises(DataError, match="If line 1 is a header row, set label_column and text_column"):
        prepare([raw_source(content.encode())], tmp_path, PrepareSettings())


def test_a_correction_beside_its_original_wins_and_that_is_said(tmp_path):
    original = some_rows(100)
    corrected = [("1" if label == "0" else "0", text) for label, text in original[:40]]

    report = prepare([source(original, "a.csv"), source(corrected, "a-fixed.csv", rank=1)], tmp_path, PrepareSettings())

    assert report["rejected_by_reason"] == {"label_superseded": 40}
    assert "Tweets with another label in a-fixed.csv than in a.csv: 40. a-fixed.csv is newer" in report["notes"][0]


def test_two_files_that_contradict_each_other_are_named(tmp_path):
    original = some_rows(100)
    other = [("1" if label == "0" else "0", text) for label, text in original[:40]]

    report = prepare([source(original, "a.csv"), source(other, "b.csv")], tmp_path, PrepareSettings())

    assert report["warnings"][0].startswith(
        "Tweets with different labels in a.csv and b.csv: 40. Neither file is newer"
    )


def test_contradicting_labels_are_put_to_the_vote_and_counted(tmp_path):
    rows = [*some_rows(100), *[("0", "outvoted")] * 1, *[("1", "outvoted")] * 2, ("0", "tie"), ("1", "tie")]

    report = prepare([source(rows)], tmp_path, PrepareSettings())

    labels = {instance: label for found in examples(tmp_path).values() for label, instance in found}
    assert labels["outvoted"] == "marketing"
    assert "tie" not in labels
    assert report["tweets"] == {"different": 102, "with_conflicting_labels": 2, "rows_of_those": 5, "ties": 1}
    assert report["rejected_by_reason"] == {"label_outvoted": 1, "label_tie": 2}
    assert report["memory_accuracy"] == pytest.approx((100 + 2 + 1) / 105)


def test_contradicting_labels_are_shown_by_example_those_with_the_most_rows_first(tmp_path):
    rows = [*some_rows(100), *[("0", "Twice &amp; once")] * 2, ("1", "Twice &amp; once")]
    rows += [(label, f"both {number}") for number in range(20) for label in "01"]

    conflicts = prepare([source(rows)], tmp_path, PrepareSettings())["conflicts"]

    assert conflicts[0] == {"text": "Twice & once", "labels": {"marketing": 1, "technical": 2}}
    assert len(conflicts) == 10


def test_the_test_split_is_also_written_as_people_read_it_in_the_same_order(tmp_path):
    rows = [(label, f"{text} &amp; MORE") for label, text in some_rows(200)]

    prepare([source(rows)], tmp_path, PrepareSettings())

    with (tmp_path / "test_tweets.csv").open(newline="", encoding="utf-8") as file:
        tweets = [(row["label"], row["text"]) for row in csv.DictReader(file)]
    assert all("& MORE" in text for _, text in tweets)
    assert [(label, " ".join(tokenize(text))) for label, text in tweets] == examples(tmp_path)["test"]


def test_of_two_dates_the_newer_ones_label_counts(tmp_path):
    old = source([*some_rows(100), ("0", "relabelled"), ("0", "relabelled")], "old.csv", rank=0)
    new = source([("1", "relabelled")], "new.csv", rank=1)

    report = prepare([new, old], tmp_path, PrepareSettings())

    labels = {instance: label for found in examples(tmp_path).values() for label, instance in found}
    assert labels["relabelled"] == "marketing"
    assert report["rejected_by_reason"] == {"label_superseded": 2}


def test_many_contradictions_are_said_in_plain_words(tmp_path):
    rows = [*some_rows(60), *[(label, f"both {number}") for number in range(40) for label in "01"]]

    (warning,) = prepare([source(rows)], tmp_path, PrepareSettings())["warnings"]

    assert "40 of 100 different tweets (80 of 140 rows) have more than one label" in warning
    assert "71.4%" in warning


def test_rows_without_a_token_are_rejected(tmp_path):
    report = prepare([source([*some_rows(100), ("0", "\u200b")])], tmp_path, PrepareSettings())

    assert report["rows"]["rejected"] + report["rows"]["used"] == 101


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "There is no row in the input", id="empty file"),
        pytest.param(b"label,text\n", "There is no row in the input", id="only a header"),
        pytest.param(
            b"".join(b"0,tweet %d\n" % n for n in range(100)), "All 100 usable rows have the label", id="one label"
        ),
        pytest.param(
            b"0,a\n1,b\n2,c\n",
            r"1 of 3 rows cannot be used.*The first one is in part\.csv, line 3: label '2'",
            id="bad rows",
        ),
        pytest.param(b"0,a\n1,b\n", "Too few different tweets", id="too few"),
        pytest.param(b"PK\x03\x04[Content_Types].xml", "part.csv: this is an Excel workbook", id="Excel"),
        pytest.param(gzip.compress(b"0,a\n" * 500)[:-9], "part.csv: the gzip file is damaged or cut", id="cut gzip"),
        pytest.param(b"\x1f\x8bnonsense", "part.csv: the gzip file is damaged or cut", id="no gzip"),
        pytest.param(b"id,tweet\n1,hello\n", "include no label column", id="header without label"),
    ],
)
def test_data_that_cannot_be_used_is_an_error_with_a_report_and_without_channels(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        prepare([raw_source(content)], tmp_path, PrepareSettings())

    assert not any((tmp_path / f"{split}.txt").exists() for split in SPLITS)
    assert (tmp_path / "rejected.csv").exists()
    assert json.loads((tmp_path / "report.json").read_text())["error"]


def test_gzipped_csv_and_manifests_give_what_plain_csv_gives(tmp_path):
    rows = some_rows(100)
    plain = source(rows)
    lines = (
        json.dumps({"source": text, "topic": int(label), "topic-metadata": {"class-name": label, "confidence": 0.8}})
        for label, text in rows
    )
    manifest = "\n".join(lines).encode()
    outputs = []
    for number, content in enumerate((plain.open().read(), gzip.compress(plain.open().read()), manifest)):
        prepare([raw_source(content)], tmp_path / str(number), PrepareSettings(min_confidence=0.8))
        outputs.append([(tmp_path / str(number) / f"{split}.txt").read_bytes() for split in SPLITS])

    assert outputs[0] == outputs[1] == outputs[2]
    with pytest.raises(DataError, match="Too few different tweets"):
        prepare([raw_source(manifest)], tmp_path / "strict", PrepareSettings(min_confidence=0.9))


def test_a_compressed_file_on_disk_is_read_to_its_end(tmp_path):
    path = tmp_path / "part.csv.gz"
    path.write_bytes(gzip.compress(source(some_rows(2500)).open().read()))
    shares = []

    report = prepare(
        [Source.from_path(path)],
        tmp_path / "out",
        PrepareSettings(),
        processes=1,
        progress=lambda doing, share: shares.append(share),
    )

    assert report["rows"]["used"] == 2500
    assert max(shares) == 1


def test_channels_of_an_earlier_run_do_not_survive_a_failure(tmp_path):
    prepare([source(some_rows(100))], tmp_path, PrepareSettings())

    with pytest.raises(DataError):
        prepare([raw_source(b"")], tmp_path, PrepareSettings())

    assert not (tmp_path / "train.txt").exists()


def test_memory_does_not_grow_with_the_rows(tmp_path):
    class Rows(io.RawIOBase):
        """Rows made while they are read, so that the input itself takes no memory."""

        def __init__(self, count: int):
            self.lines = (b"%d,tweet w%d\n" % (n % 997 % 2, n % 997) for n in range(count))
            self.rest = b""

        def readable(self) -> bool:
            return True

        def readinto(self, buffer) -> int:
            while len(self.rest) < len(buffer) and (line := next(self.lines, None)):
                self.rest += line
            taken, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
            buffer[: len(taken)] = taken
            return len(taken)

    def peak(count: int) -> int:
        source = Source("made.csv", lambda: io.BufferedReader(Rows(count)))
        tracemalloc.start()
        try:
            report = prepare([source], tmp_path / str(count), PrepareSettings())
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert report["rows"]["used"] == count
        return peak

    small, large = peak(10_000), peak(30_000)

    assert large - small < 8 * 20_000
