from include.config.names import Keys
from include.report.history import recall, remember

FIGURES = {"tweets": 50, "accuracy": 0.9, "accuracy_interval": [0.8, 0.95], "majority_accuracy": 0.5, "confusion": {}}


def test_each_dates_newest_evaluation_is_recalled_the_oldest_date_first(storage):
    for date, job in (("2026-01-07", "c"), ("2026-01-05", "a"), ("2026-01-05", "b")):
        remember(storage, Keys("twitter-data", "aws", date), job, FIGURES)

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
    remember(storage, keys, "an experiment", {**FIGURES, "accuracy": 0.5})
    champion = {"date": "2026-01-07", "training_job": "champion", "accuracy": 0.9}

    (entry,) = recall(storage, keys, champion)

    assert entry == {**champion, "champion": True}
