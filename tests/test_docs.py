"""What README and docs say is what the product does."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from benchmarks.defaults import PRESETS
from docs.pictures import Browser
from include.blazingtext.hyperparameters import HYPERPARAMETERS, to_request
from include.config.hashtags import HashtagSettings
from include.evaluation.calibration import at_temperature
from include.predictions import Prediction
from local_stack.errors import StackError
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
PAGES = [Path("README.md"), Path("CONTRIBUTING.md"), Path("local_aws/README.md"), *sorted(Path("docs").rglob("*.md"))]
PAGES = [REPOSITORY / page if not page.is_absolute() else page for page in PAGES]
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def test_readme_is_short():
    assert len(README.split()) <= 900


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text())

    for target, heading in targets:
        if "://" not in target:
            found = page.parent / target if target else page
            assert found.exists(), target
            assert not heading or heading in headings(found), f"{target}#{heading}"


def headings(page: Path) -> set[str]:
    """As GitHub writes them into links."""
    found = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def test_every_picture_is_shown_on_a_page():
    shown = {name for page in PAGES for name in re.findall(r"images/([\w-]+\.png)", page.read_text())}

    assert shown == {path.name for path in (REPOSITORY / "docs" / "images").iterdir()}


def test_without_chromium_make_pictures_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(StackError, match=r"There is no Chromium.*apt-get install chromium"):
        Browser.find(tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_commands_of_make_and_modules_are_there(page):
    text = page.read_text()

    assert set(re.findall(r"(?:^\s*|`)make ([a-z-]+)", text, re.MULTILINE)) <= MAKE_TARGETS
    for module in re.findall(r"python -m ([a-z_.]+)", text):
        path = REPOSITORY.joinpath(*module.rstrip(".").split("."))
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() or module == "airflow", module


def test_the_picture_of_the_story_has_its_tasks_in_their_order():
    from airflow.dag_processing.dagbag import DagBag

    (picture,) = re.findall(r"```mermaid\n(.*?)```", README, re.DOTALL)
    named = re.findall(r"\b[a-z]+_[a-z]+(?:_[a-z]+)?\b", picture)

    dag = DagBag(str(REPOSITORY / "dags" / "retrain_hashtag.py")).dags["retrain_aws"]
    assert list(dict.fromkeys(named)) == dag.task_ids


def test_every_setting_of_a_hashtag_has_a_row_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \| *([^|]*?) *\|", (REPOSITORY / "docs" / "hashtags.md").read_text(), re.MULTILINE)

    defaults = {
        name: "" if field.is_required() or field.default == "" else f"`{field.get_default(call_default_factory=True)}`"
        for name, field in HashtagSettings.model_fields.items()
    }
    assert dict(rows) == defaults


def test_the_presets_are_parameters_of_a_run_and_those_of_the_benchmark():
    page = (REPOSITORY / "docs" / "hashtags.md").read_text()

    blocks = re.findall(r"^`(\w+)`: .*?```yaml\n(.*?)```", page, re.DOTALL | re.MULTILINE)

    presets = {name: yaml.safe_load(block)["parameters"] for name, block in blocks}
    assert presets == PRESETS
    for preset in presets.values():
        assert set(preset) == set(HYPERPARAMETERS)
        to_request(preset)


def test_every_variable_of_the_environment_is_documented():
    code = subprocess.run(
        ["git", "grep", "-hoE", "\\bRETRAIN_[A-Z_]+", "--", "include/*.py", "plugins/*.py"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    pages = "".join(page.read_text() for page in PAGES)

    assert {name for name in code.stdout.split() if name not in pages} == set()


def test_the_hashtags_file_of_readme_is_one(tmp_path):
    from include.config.hashtags import load_hashtags

    (example,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "hashtags.yaml").write_text("\n".join(line[3:] for line in example.splitlines()))

    found = load_hashtags(tmp_path / "hashtags.yaml")

    assert ([hashtag.name for hashtag in found.usable], found.errors) == (["cloud"], [])


def test_the_code_for_calibrated_probabilities_does_what_the_report_measures():
    page = (REPOSITORY / "docs" / "report.md").read_text()
    (code,) = re.findall(r"```python\n(def calibrated.*?)```", page, re.DOTALL)
    names: dict = {}
    exec(code, names)

    expected = at_temperature(Prediction({"a": 0.7, "b": 0.2, "c": 0.1}), 2.5).probabilities
    assert names["calibrated"](["a", "b", "c"], [0.7, 0.2, 0.1], 2.5) == pytest.approx(expected)
    assert names["calibrated"](["a", "b"], [0.98, 0.02], 2.0) == pytest.approx({"a": 0.875, "b": 0.125})
