"""What the command for bundles says and returns."""

import pytest

from release.mwaa import constraints
from tests.release.conftest import NOWHERE, release


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('cloud: {lables: {"0": a, "1": b}}', "lables"),
        ("", "expected one entry for each hashtag"),
        (None, "There is no file"),
    ],
)
def test_hashtags_with_a_mistake_make_no_bundle(tmp_path, content, message):
    if content is not None:
        (tmp_path / "mine.yaml").write_text(content)

    done = release("mwaa", "--out", str(tmp_path / "out"), "--hashtags", str(tmp_path / "mine.yaml"))

    assert done.returncode == 1
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_where_the_published_constraints_can_be_had_they_decide(tmp_path, serve):
    copy = constraints.COPY.read_text()
    url = serve({"/newer.txt": lambda _: copy + "nltk==3.0\n", "/same.txt": lambda _: copy})

    refused = release("mwaa", "--out", str(tmp_path), "--constraints", f"{url}/newer.txt")
    made = release("mwaa", "--out", str(tmp_path), "--constraints", f"{url}/same.txt")

    assert (refused.returncode, made.returncode) == (1, 0)
    assert "nltk: the bundle has 3.10.4, and MWAA's constraints 3.0." in refused.stderr
    assert "could not be reached" not in made.stdout


def test_where_they_cannot_be_had_that_is_said(tmp_path):
    done = release("mwaa", "--out", str(tmp_path), "--constraints", NOWHERE)

    assert done.returncode == 0
    assert f"{NOWHERE} could not be reached. The requirements are compared with a copy" in done.stdout


def test_requirements_that_mwaa_would_not_install_leave_the_former_bundle_alone(tmp_path, serve):
    (tmp_path / "startup.sh").write_text("former")
    url = serve({"/c.txt": lambda _: "nltk==3.0\n"})

    done = release("mwaa", "--out", str(tmp_path), "--constraints", f"{url}/c.txt")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == "Compile the requirements again: make lock."
    assert [path.name for path in tmp_path.iterdir()] == ["startup.sh"]


@pytest.mark.parametrize(("platform", "file"), [("mwaa", "startup.sh"), ("astro", "Dockerfile")])
def test_what_is_to_be_filled_in_is_named_with_its_file(tmp_path, platform, file):
    more = ("--constraints", NOWHERE) if platform == "mwaa" else ()

    nothing = release(platform, "--out", str(tmp_path), *more)
    all_of_it = release(platform, "--out", str(tmp_path), *more, RETRAIN_BUCKET="b", RETRAIN_ROLE_ARN="r")

    words = f"Fill in RETRAIN_BUCKET and RETRAIN_ROLE_ARN in {tmp_path / file}."
    assert nothing.stdout.splitlines()[-1] == words
    assert "Fill in" not in all_of_it.stdout


def test_the_bundle_is_counted_as_it_is_written(tmp_path):
    done = release("astro", "--out", str(tmp_path))

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files) / 1e6
    assert done.stdout.startswith(f"{tmp_path}: {len(files)} files, {size:.1f} MB.")


def test_a_file_of_the_command_line_wins_over_the_environments(tmp_path):
    for name in ("mine", "ours"):
        (tmp_path / f"{name}.yaml").write_text(f'{name}: {{labels: {{"0": a, "1": b}}}}\n')

    release(
        *("astro", "--out", str(tmp_path / "out"), "--hashtags", str(tmp_path / "mine.yaml")),
        RETRAIN_HASHTAGS_FILE=str(tmp_path / "ours.yaml"),
    )

    assert (tmp_path / "out" / "include" / "hashtags.yaml").read_text().startswith("mine:")
