"""What `make audit` says of the locked packages, asking a stand-in for OSV."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release import audit
from tests.conftest import REPOSITORY
from tests.release.conftest import release

NLTK = {
    "id": "GHSA-1",
    "aliases": ["CVE-2026-1"],
    "summary": "Reads any file",
    "affected": [
        {
            "package": {"name": "nltk", "ecosystem": "PyPI"},
            "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.10.5"}]},
                {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "0a1b2c"}]},
            ],
        },
        {"package": {"name": "other"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "7"}]}]},
    ],
}


def osv(vulnerable: dict[str, list[dict]]) -> dict:
    """OSV's batch query: by the name of a package, its pages of results."""

    def answer(body: bytes) -> str:
        queries = json.loads(body)["queries"]
        assert all(query["package"]["ecosystem"] == "PyPI" and query["version"] for query in queries)
        pages = [vulnerable.get(query["package"]["name"], [{}]) for query in queries]
        results = [page[int(query.get("page_token", 0))] for page, query in zip(pages, queries, strict=True)]
        return json.dumps({"results": results})

    return {"/v1/querybatch": answer, "/v1/vulns/GHSA-1": lambda _: json.dumps(NLTK)}


def test_an_answer_for_all_packages_without_any_vulnerability_is_nothing_known(serve):
    done = release("audit", "--service", serve(osv({})))

    assert done.returncode == 0
    assert re.search(r"answered for all \d{3} packages: no vulnerability is known", done.stdout)


def test_a_vulnerability_is_named_with_its_locks_and_the_version_that_fixes_it(serve):
    done = release("audit", "--service", serve(osv({"nltk": [{"vulns": [{"id": "GHSA-1"}]}]})))

    assert done.returncode == 1
    assert done.stdout == (
        "nltk 3.10.4, in include/spark/requirements.txt, release/astro/requirements.txt, "
        "release/mwaa/requirements.txt, requirements.txt:\n"
        "  GHSA-1, CVE-2026-1: Reads any file (fixed in 3.10.5)\n"
    )


def test_every_page_of_an_answer_is_read_and_an_id_is_enough(serve):
    pages = [{"vulns": [{"id": "PYSEC-1"}], "next_page_token": "1"}, {"vulns": [{"id": "PYSEC-2"}]}]

    done = release("audit", "--service", serve(osv({"moto": pages})))

    assert done.returncode == 1
    assert [line.strip() for line in done.stdout.splitlines()[1:]] == ["PYSEC-1", "PYSEC-2"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="nobody listens"),
        pytest.param(503, id="an error"),
        pytest.param("<html>Sign in to the guest network</html>", id="a page of a proxy"),
        pytest.param("[]", id="another form"),
        pytest.param("{}", id="no results"),
        pytest.param('{"results": [{}]}', id="results of one package"),
        pytest.param('{"results": null}', id="null"),
    ],
)
def test_no_answer_is_never_nothing_known(serve, answer):
    url = "http://127.0.0.1:9" if answer is None else serve({"/v1/querybatch": lambda _: answer})

    done = release("audit", "--service", url)

    assert (done.returncode, done.stdout) == (3, "")
    assert "Whether any package has a known vulnerability is not known." in done.stderr


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["vulns", "id", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(JSON)
def test_whatever_stands_for_a_package_only_an_answer_is_one(result):
    osv = audit.Osv("http://localhost")
    osv._json = lambda *_, **__: {"results": [result]}

    try:
        found = osv.vulnerabilities([audit.Package("nltk", "3.10.4")])
    except audit.NoAnswer:
        return
    assert bool(found) == bool(result.get("vulns"))


def test_more_packages_than_osv_takes_at_once_are_asked_in_turns(serve, monkeypatch):
    monkeypatch.setattr(audit, "_QUERIES_AT_ONCE", 50)
    sizes = []

    def answer(body: bytes) -> str:
        sizes.append(len(json.loads(body)["queries"]))
        return json.dumps({"results": [{}] * sizes[-1]})

    assert release("audit", "--service", serve({"/v1/querybatch": answer})).returncode == 0
    assert max(sizes) == 50
    assert sum(sizes) == len(audit.locked())


def test_every_lock_but_those_of_old_clients_and_of_tests_with_spark_is_read():
    locks = {path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.rglob("requirements*.txt")}

    assert set(audit.LOCKS) == {name for name in locks if not name.startswith(("clients/", "spark/", ".", "dist/"))}
