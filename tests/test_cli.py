import json
import resource
import shutil
import subprocess
import sys

import fasttext
import jsonschema
import pytest

from include.cli import main
from include.samples import SAMPLE_DATA
from tests.conftest import REPOSITORY

SAMPLES = SAMPLE_DATA / "hashtags" / "aws"


def test_prepare_writes_its_files_and_says_what_it_did(tmp_path, capsys):
    assert main(["prepare", str(SAMPLES), "--out", str(tmp_path)]) == 0

    assert {path.name for path in tmp_path.iterdir()} == {
        "train.txt",
        "validation.txt",
        "test.txt",
        "test_tweets.csv",
        "rejected.csv",
        "report.json",
    }
    printed = capsys.readouterr().out
    assert "584 rows read" in printed
    assert "label_tie" in printed
    files = json.loads((tmp_path / "report.json").read_text())["files"]
    assert list(files) == [f"aws/2026-01-0{day}/labeled.csv/part-00000.csv" for day in (5, 6, 7)]


def test_files_are_read_once_and_hidden_ones_of_the_current_folder_are_skipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one.csv", "sub/one.csv", "_temporary/part.csv", ".part.crc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((SAMPLES / "2026-01-07/labeled.csv/part-00000.csv").read_bytes())

    assert main(["prepare", ".", "one.csv", "--out", str(tmp_path / "out")]) == 0

    assert list(json.loads((tmp_path / "out" / "report.json").read_text())["files"]) == ["one.csv", "sub/one.csv"]


def test_bad_data_is_exit_status_1_with_the_reason(tmp_path, capsys):
    (tmp_path / "bad.csv").write_text("9,text\n")

    assert main(["prepare", str(tmp_path / "bad.csv"), "--out", str(tmp_path / "out")]) == 1
    assert "bad.csv, line 1: label '9'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no/such/file"], "no/such/file does not exist"),
        ([str(SAMPLES), "--labels", "0=a"], "2 to 100 labels"),
        ([str(SAMPLES), "--labels", "technical"], "not of the form"),
        ([str(SAMPLES), "--fractions", "0.5,0.5,0.5"], "add up to 1"),
        ([str(SAMPLES), "--processes", "0"], "at least 1"),
        ([str(SAMPLES), "--recipe", "other"], "invalid choice"),
    ],
)
def test_bad_usage_is_exit_status_2(tmp_path, capsys, arguments, message):
    try:
        status = main(["prepare", *arguments, "--out", str(tmp_path)])
    except SystemExit as error:
        status = error.code

    assert status == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", ["include.cli", "include.cli prepare", "include.cli pack-spark", "local_aws", "local_stack.demo"]
)
def test_every_command_explains_itself(command):
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert "usage:" in done.stdout


def test_prepare_needs_neither_airflow_nor_aws(tmp_path):
    program = (
        "import sys\n"
        "from include.cli import main\n"
        f"status = main(['prepare', {str(SAMPLES)!r}, '--out', {str(tmp_path)!r}])\n"
        "loaded = sorted({'airflow', 'boto3', 'botocore', 'moto'} & set(sys.modules))\n"
        "sys.exit(f'imported: {loaded}' if loaded else status)\n"
    )

    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True, capture_output=True)


def test_upload_samples_makes_the_bucket(local_aws, client, monkeypatch, capsys):
    monkeypatch.setenv("RETRAIN_BUCKET", "samples-bucket")
    monkeypatch.setenv("RETRAIN_ROLE_ARN", "arn:aws:iam::123456789012:role/r")

    assert main(["upload-samples"]) == 0
    assert main(["upload-samples"]) == 0  # again is no error

    keys = [entry["Key"] for entry in client("s3").list_objects_v2(Bucket="samples-bucket")["Contents"]]
    assert "twitter-data/hashtags/aws/2026-01-07/labeled.csv/part-00000.csv" in keys


def run_with_room_for(size: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command; no file that it writes may have more bytes, as on a full or read-only disk."""
    return subprocess.run(
        [sys.executable, "-m", "include.cli", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


@pytest.mark.parametrize(
    ("room", "message"),
    [(0, "No usable temporary directory found in"), (5_000, "File too large (in the temporary folder, or in --out)")],
)
def test_without_room_the_error_says_so_and_an_earlier_output_stays(tmp_path, room, message):
    assert main(["prepare", str(SAMPLES), "--out", str(tmp_path)]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    done = run_with_room_for(room, "prepare", str(SAMPLES), "--out", str(tmp_path), "--seed", "1")

    assert done.returncode == 2
    assert done.stderr.strip().startswith("error: ")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(capsys):
    assert main(["prepare", str(SAMPLES), "--out", "/proc/prepared"]) == 2
    assert "error: /proc/prepared: " in capsys.readouterr().err


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Prepared sample tweets, and a model that was trained on them."""
    folder = tmp_path_factory.mktemp("prepared")
    assert main(["prepare", str(SAMPLES), "--out", str(folder)]) == 0
    model = fasttext.train_supervised(str(folder / "train.txt"), epoch=20, lr=0.5, dim=10, thread=1, verbose=0)
    model.save_model(str(folder / "model.bin"))
    return folder


def test_evaluate_makes_the_report_of_a_run_without_one(prepared, tmp_path, capsys):
    assert main(["evaluate", str(prepared), str(prepared / "model.bin"), "--out", str(tmp_path)]) == 0

    report = json.loads((tmp_path / "report.json").read_text())
    schema = json.loads((REPOSITORY / "include/report/run-report.schema.json").read_text())
    jsonschema.validate(report, schema)
    assert report["status"] == "evaluated"
    assert report["outcome"].startswith("It passes the gate: accuracy ")
    assert "Confusion matrix" in (tmp_path / "report.html").read_text()
    assert report["outcome"] in capsys.readouterr().out


def test_evaluate_says_why_a_model_does_not_pass(prepared, tmp_path, capsys):
    arguments = ["evaluate", str(prepared), str(prepared / "model.bin"), "--out", str(tmp_path)]

    assert main([*arguments, "--min-test-tweets", "1000", "--hashtag", "aws"]) == 0

    assert "It does not pass the gate: accuracy" in capsys.readouterr().out
    assert json.loads((tmp_path / "report.json").read_text())["hashtag"] == "aws"


@pytest.mark.parametrize(
    ("data", "model", "status", "message"),
    [
        (".", "model.bin", 1, "report.json is not a report of prepare"),
        (None, "none.bin", 2, "none.bin is not a file"),
        (None, "train.txt", 1, "train.txt contains no model.bin that fastText can read"),
    ],
)
def test_evaluate_names_what_it_cannot_read(prepared, tmp_path, capsys, data, model, status, message):
    folder = tmp_path if data else prepared

    assert main(["evaluate", str(folder), str(prepared / model), "--out", str(tmp_path / "out")]) == status

    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_evaluate_refuses_prepared_data_that_say_nothing_of_a_model(prepared, tmp_path, capsys):
    def evaluate(name: str, lines: list[str], tweets: list[str]) -> str:
        folder = tmp_path / name
        shutil.copytree(prepared, folder)
        (folder / "test.txt").write_text("".join(lines))
        (folder / "test_tweets.csv").write_text("label,text,group,file,line\n" + "".join(tweets))
        assert main(["evaluate", str(folder), str(prepared / "model.bin"), "--out", str(tmp_path / "out")]) == 1
        return capsys.readouterr().err

    assert "contains no test tweets" in evaluate("empty", [], [])
    unknown = evaluate("unknown", ["__label__other x\n"], ["other,x,1,f.csv,1\n"])
    assert "labels that are not among the hashtag's: other" in unknown


def test_the_code_is_packed_for_spark(tmp_path, capsys):
    assert main(["pack-spark", "--out", str(tmp_path / "out")]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0].rpartition("/")[2] for line in lines] == ["include.zip", "prepare.py", "requirements.txt"]
    assert (tmp_path / "out" / "prepare.py").read_text() == "from include.spark.job import main\n\nmain()\n"


def test_evaluate_refuses_a_model_of_other_labels(prepared, tmp_path, capsys):
    (tmp_path / "train.txt").write_text("__label__x a b\n__label__y c d\n" * 20)
    model = fasttext.train_supervised(str(tmp_path / "train.txt"), epoch=1, dim=2, bucket=10, thread=1, verbose=0)
    model.save_model(str(tmp_path / "other.bin"))

    assert main(["evaluate", str(prepared), str(tmp_path / "other.bin"), "--out", str(tmp_path / "out")]) == 1

    assert "the model predicts labels that are not among the hashtag's: x, y" in capsys.readouterr().err
