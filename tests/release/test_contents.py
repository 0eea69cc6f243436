"""Which of the repository's files a deployment gets, and how they are written."""

import io
import zipfile

import pytest

from include.config.errors import ConfigurationError
from release.contents import below, deployed, write, zipped
from tests.conftest import REPOSITORY
from tests.release.conftest import make, release


def test_a_deployment_has_airflows_files_and_not_what_only_people_call():
    files = deployed()

    assert {name.split("/")[0] for name in files} == {"dags", "include", "plugins"}
    assert files["plugins/.airflowignore"] == (REPOSITORY / "plugins" / ".airflowignore").read_bytes()
    assert "include/live/requests.py" in files
    assert not {"include/cli.py", "include/live/command.py", "include/samples.py"} & set(files)
    assert [name for name in files if "sample_data" in name or "__pycache__" in name] == []


def test_your_hashtags_are_in_the_bundle(tmp_path):
    mine = b'cloud: {labels: {"0": a, "1": b}}\n'
    (tmp_path / "mine.yaml").write_bytes(mine)

    named = make("astro", tmp_path / "a", "--hashtags", str(tmp_path / "mine.yaml"))
    of_environment = make("astro", tmp_path / "b", RETRAIN_HASHTAGS_FILE=str(tmp_path / "mine.yaml"))

    assert named["include/hashtags.yaml"] == of_environment["include/hashtags.yaml"] == mine
    assert b"RETRAIN_HASHTAGS_FILE" not in of_environment["Dockerfile"]


def test_the_companys_rules_are_in_the_bundle_unless_there_is_a_mistake_in_them(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("network_isolation: true\n")

    bundle = make("mwaa", tmp_path / "a", RETRAIN_COMPANY_RULES=str(rules))
    assert bundle["plugins/include/company.yaml"] == b"network_isolation: true\n"
    assert b"RETRAIN_COMPANY_RULES" not in bundle["startup.sh"]
    rules.write_text("network_isolatoin: true\n")
    done = release("mwaa", "--out", str(tmp_path / "b"), "--rules", str(rules))
    assert (done.returncode, (tmp_path / "b").exists()) == (1, False)
    assert "did you mean network_isolation" in done.stderr


def test_a_file_that_is_no_longer_in_the_product_leaves_the_bundle(tmp_path):
    make("astro", tmp_path)
    (tmp_path / "dags" / "old.py").write_text("")
    (tmp_path / "include" / "gone").mkdir()
    (tmp_path / "include" / "gone" / "a.py").write_text("")

    assert "dags/old.py" not in make("astro", tmp_path)
    assert not (tmp_path / "include" / "gone").exists()


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "notes.txt").write_text("mine")

    done = release("astro", "--out", str(tmp_path))

    assert done.returncode == 1
    assert f"{tmp_path} contains what is not of a bundle: .git, notes.txt. Name a new folder" in done.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".git", "notes.txt"]


def test_every_mistake_in_the_hashtags_is_said_at_once(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text('cloud: {lables: {"0": a, "1": b}}\nsea: {labels: {"0": a, "1": b}, windowdays: 7}\n')

    with pytest.raises(ConfigurationError) as refused:
        deployed(mine)

    assert "lables" in str(refused.value)
    assert "windowdays" in str(refused.value)


def test_a_folder_is_meant_by_its_whole_name():
    files = {"dags/a.py": b"1", "dags_old/a.py": b"2", "include/dags/a.py": b"3", "dags": b"4", "plugins/a.py": b"5"}

    assert below(files, "dags", "plugins") == {"dags/a.py": b"1", "dags": b"4", "plugins/a.py": b"5"}


def test_an_archive_is_the_same_whatever_the_order_of_its_files_and_the_day():
    files = {"b/c.txt": b"second", "a.py": b"first"}
    content = zipped(files)

    assert zipped(dict(reversed(files.items()))) == content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert [(entry.filename, archive.read(entry)) for entry in archive.infolist()] == [
            ("a.py", b"first"),
            ("b/c.txt", b"second"),
        ]
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_what_is_written_takes_the_place_of_what_was_there(tmp_path):
    write({"dags/a.py": b"old", "dags/old/deep/b.py": b"", "README.md": b"x"}, tmp_path / "out")
    write({"dags/a.py": b"new", "README.md/is/a/folder": b"y"}, tmp_path / "out")

    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")}
    assert found == {"dags", "dags/a.py", "README.md", "README.md/is", "README.md/is/a", "README.md/is/a/folder"}
    assert (tmp_path / "out" / "dags" / "a.py").read_bytes() == b"new"
