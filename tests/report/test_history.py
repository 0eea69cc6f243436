from include.config.names import Keys
from include.report.history import recall, remember

FIGURES = {"tweets": 50, "accuracy": 0.9, "accuracy_interval": [0.8, 0.95], "majority_accuracy": 0.5, "confusion": {}}
FIGURES["champion"] = {"on_later_tweets": None}


def test_each_dates_newest_evaluation_is_recalled_the_oldest_date_first(storage):
    for date, job in (("2026-01-07", "c"), ("2026-01-05", "a"), ("2026-01-05", "b")):
        remember(storage, Keys("twitter-data", "aws", date), f"run-{job}", job, FIGURES)

    storage.write_json({}, Keys("twitter-data", "aws", "2026-01-06").run("x") + "report.json")  # nothing was evaluated
    entries = recall(storage, Keys("twitter-data", "aws", "2026-01-07"))

    assert [(entry["date"], entry["training_job"], entry["champion"]) for entry in entries] == [
        ("2026-01-05", "b", False),
        ("2026-01-07", "c", False),
    ]
    assert entries[0]["accuracy"] == 0.9
    assert "confusion" not in entries[0]


def test_of_the_champions_date_the_champions_figures_are_shown_whatever_was_tried_since(storage):
    keys = Keys("twitter-data", "aws", "2026-01-07")
    remember(storage, keys, "run", "an experiment", {**FIGURES, "accuracy": 0.5})
    champion = {"date": "2026-01-07", "training_job": "champion", "accuracy": 0.9}

    (entry,) = recall(storage, keys, champion)

    assert {name: entry[name] for name in champion} == champion
    assert entry["champion"] is True


def test_each_entry_has_the_address_of_its_report(storage):
    keys = Keys("twitter-data", "aws", "2026-01-07")
    remember(storage, keys, "run", "job", FIGURES)
    elsewhere = {"date": "2026-01-07", "accuracy": 0.9, "report": "s3://another-bucket/report.html"}

    ours, theirs = (recall(storage, keys, champion)[0] for champion in (None, elsewhere))

    assert ours["url"] == storage.browser_url(keys.run("run") + "report.html")
    assert theirs["url"] is None


def test_what_somebody_else_or_an_earlier_version_has_left_there_breaks_nothing(storage):
    keys = Keys("twitter-data", "aws", "2026-01-07")
    old = {"date": "2026-01-06", "training_job": "j", "tweets": 9, "accuracy": 0.9, "majority_accuracy": 0.5}
    storage.write_json(
        {**old, "accuracy_interval": [0.8, 1]}, Keys("twitter-data", "aws", "2026-01-06").newest_evaluation
    )
    storage.write_json({}, f"{keys.hashtag_output}newest-evaluations/newest-evaluation.json")
    for date, content in (("2026-01-03", {}), ("2026-01-04", []), ("2026-01-05", {"accuracy": 0.9})):
        storage.write_json(content, Keys("twitter-data", "aws", date).newest_evaluation)

    storage.write_bytes(b"no JSON", Keys("twitter-data", "aws", "2026-01-02").newest_evaluation)

    (entry,) = recall(storage, keys)

    assert (entry["earlier_champion"], entry["report"], entry["url"]) == (None, None, None)


def test_a_later_evaluation_of_a_date_keeps_the_champion_of_then(storage):
    keys = Keys("twitter-data", "aws", "2026-01-07")
    met = {"date": "2026-01-06", "version": 1, "accuracy": 0.8, "accuracy_interval": [0.7, 0.9], "tweets": 50}
    remember(storage, keys, "run-1", "job", {**FIGURES, "champion": {"on_later_tweets": met}})
    remember(storage, keys, "run-2", "job", FIGURES)

    assert recall(storage, keys)[0]["earlier_champion"] == met


def test_a_date_whose_figures_were_removed_is_not_recalled(storage, client):
    keys = Keys("twitter-data", "aws", "2026-01-05")
    remember(storage, keys, "run", "job", FIGURES)
    recall(storage, keys)

    client("s3").delete_object(Bucket=storage.bucket, Key=keys.newest_evaluation)

    assert recall(storage, keys) == []
