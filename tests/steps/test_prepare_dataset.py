import re

import pytest

from include.config.errors import DataError, NoRows


def names(run, owner="owner", **params) -> tuple[str, str]:
    """Of the training job and of the tuning job."""
    run.params |= params
    result = run.prepare(owner)
    return result["training_request"]["TrainingJobName"], result["tuning_request"].get("HyperParameterTuningJobName")


def test_the_jobs_names_change_with_what_affects_the_model_and_with_nothing_else(run):
    training, tuning = names(run, tune=True, epochs=3)

    assert names(run, "another owner", min_gain=0.5, deploy="never") == (training, tuning)
    more_epochs = names(run, epochs=4)
    assert more_epochs[0] != training
    assert more_epochs[1] == tuning  # the tuning looks for the number of epochs itself
    assert names(run, tuning_jobs=3)[0] == more_epochs[0]
    assert names(run)[1] != tuning
    run.upload("0,One more tweet of it", count=300)
    assert names(run)[0] != more_epochs[0]


def test_without_tune_there_is_nothing_to_tune(run):
    assert run.prepare()["tuning_request"] == {}


def test_the_channels_are_where_the_request_says(run, storage):
    result = run.prepare()

    uris = {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in result["training_request"]["InputDataConfig"]
    }
    assert set(uris) == {"train", "validation"}
    for uri in uris.values():
        (found,) = storage.list_objects(storage.key_of(uri))
        assert found.size > 0
    assert result["dates"] == [run.keys.date]
    assert result["data_uri"].startswith(storage.uri(run.keys.output))


def test_rejected_rows_are_kept_where_the_error_says(run, storage):
    run.upload(*(f"7,unknown label {number}" for number in range(100)))

    with pytest.raises(DataError, match=r"\(s3://.+rejected\.csv\)$") as error:
        run.prepare()

    uri = str(error.value).rpartition("(")[2].rstrip(")")
    assert uri == storage.uri(run.keys.run(run.name) + "rejected.csv")
    content = storage._client.get_object(Bucket=storage.bucket, Key=storage.key_of(uri))["Body"].read()
    assert content.count(b"unknown_label") == 100


def test_files_without_a_row_are_told_apart_from_bad_ones(run, storage):
    storage.write_bytes(b"label,text\n", f"{run.keys.tweets}/part-0.csv")

    with pytest.raises(NoRows):
        run.prepare()


def test_tweets_of_a_date_after_today_are_ignored_and_that_is_told(run, storage):
    run.upload(date="9999-12-31")

    assert run.prepare()["warnings"] == [
        "Labelled tweets of dates after today are ignored: 9999-12-31. If a date is wrong, move its folder."
    ]


def test_the_log_says_what_was_read_used_and_set_aside(run, capsys):
    run.upload("7,unknown label")

    run.prepare()

    said = capsys.readouterr().out
    assert f"Preparing the tweets of {run.keys.date}: {run.keys.date}/labeled.csv/part-0.csv" in said
    counts = [int(number) for number in re.findall(r"(\d+) to (?:train|validation|test)", said)]
    assert (len(counts), sum(counts)) == (3, 300)
    assert "301 rows read, 300 used (duplicates among them: 0), 1 rejected (unknown_label 1)" in said
