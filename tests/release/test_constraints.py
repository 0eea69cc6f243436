"""What MWAA's constraints allow of the bundle's requirements."""

import tomllib

import pytest
from packaging.requirements import Requirement

from release.mwaa import AIRFLOW, PYTHON, constraints
from tests.conftest import REPOSITORY


def test_pins_are_found_by_normalised_names_without_hashes_markers_and_comments():
    text = (
        "# pinned==0.1\n"
        "Flask_AppBuilder==5.0.1 \\\n"
        "    --hash=sha256:0123==4\n"
        "ruamel.yaml.clib==0.2.12 ; python_version < '3.13'\n"
        "colorama==0.4.6;sys_platform == 'win32'\n"
        "nltk>=3.9\n"
    )

    assert constraints.pins(text) == {"flask-appbuilder": "5.0.1", "ruamel-yaml-clib": "0.2.12", "colorama": "0.4.6"}


def test_a_package_conflicts_only_if_both_name_another_version_of_it():
    requirements = "nltk==3.9.1 \\\n    --hash=sha256:0\nPyYAML==6.0.2\njinja2==3.1.6\nblis==1.0\n"

    found = constraints.conflicts(requirements, "nltk==3.9.2\npyyaml==6.0.3\nJinja2==3.1.6\nother==2\n")

    assert found == [
        "nltk: the bundle has 3.9.1, and MWAA's constraints 3.9.2.",
        "pyyaml: the bundle has 6.0.2, and MWAA's constraints 6.0.3.",
    ]


def test_constraints_are_fetched_as_they_are_published(serve):
    assert constraints.fetch(f"{serve({'/c.txt': lambda _: 'nltk==3.9.1'})}/c.txt") == "nltk==3.9.1"


@pytest.mark.parametrize("status", [404, 503, None], ids=["missing", "an error", "nobody listens"])
def test_where_there_are_none_nothing_is_taken_for_them(serve, status):
    url = "http://127.0.0.1:9" if status is None else serve({"/c.txt": lambda _: status})

    assert constraints.fetch(f"{url}/c.txt") is None


def test_a_page_of_a_proxy_is_not_taken_for_constraints(serve):
    url = serve({"/c.txt": lambda _: "<html>Sign in to the guest network</html>"})

    assert constraints.fetch(f"{url}/c.txt") is None


def test_mwaas_pins_are_what_its_constraints_allow_and_complete_what_it_has(tmp_path):
    allowed = constraints.pins(constraints.COPY.read_text())
    pinned = constraints.pins((REPOSITORY / "release" / "mwaa" / "requirements.txt").read_text())
    dependencies = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]

    assert {name: pinned[name] for name in pinned.keys() & allowed} == {
        name: allowed[name] for name in pinned.keys() & allowed
    }
    for dependency in map(Requirement, dependencies):
        version = pinned.get(dependency.name) or allowed[dependency.name]
        assert dependency.specifier.contains(version), dependency.name
    assert "sagemaker" not in pinned
    assert allowed["apache-airflow"] == AIRFLOW
    assert not [name for name in pinned if name.startswith("apache-airflow")]  # MWAA's own stay


def test_the_address_is_of_mwaas_airflow_and_python():
    assert f"constraints-{AIRFLOW}/constraints-{PYTHON}.txt" in constraints.URL
