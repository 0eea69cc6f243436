"""hashtags.yaml, which people write."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from include.config.errors import ConfigurationError
from include.config.hashtags import load_hashtags
from tests.fuzz.mutations import mutated

FILES = (
    b'aws: &technical\n  labels: {"0": technical, "1": marketing}\n  parameters: {window_days: 7}\nazure: *technical\n',
    b'a:\n  <<: &b {labels: {"0": x, "1": y}}\n  schedule: "0 6 * * *"\n  wait_hours: 1.5\n  recipe: original\n',
    b'a: {labels: {"0": x, "1": y}, min_confidence: .9, require_success_marker: true, late_after_hours: 30}\n',
)
PIECES = (b"[", b"{", b"- ", b"}", b"]", b": ", b"&a ", b"*a", b"<<: ", b"? ", b"| ", b"!!python/object:os.system ")
PIECES += (b"!!binary ", b"!!set ", b".nan", b"-.inf", b"1e999", b"9", b"0x", b"2026-02-30", b"1:1:1", b"\t", b"\xff")
PIECES += (
    b"{{",
    b"'",
    b'"',
    b"\n",
    b"\n---\n",
    b"%YAML 9.9\n",
    b"a: ",
    b"labels: ",
    b"\xef\xbb\xbf",
    b"@daily",
    b"*/0 ",
)
DEEP = (b"aws: " + b"[" * 60_000, b"aws: " + b"- " * 60_000)


@given(st.one_of(mutated(FILES, PIECES), mutated(FILES, PIECES), st.sampled_from(DEEP), st.binary(max_size=100)))
def test_each_entry_is_usable_or_has_an_error_with_its_line(content):
    with TemporaryDirectory() as folder:
        file = Path(folder) / "hashtags.yaml"
        file.write_bytes(content)
        try:
            found = load_hashtags(file)
        except ConfigurationError as error:
            assert str(file) in str(error)
            return

    assert found.usable or found.errors
    assert all(f"{file}, line " in str(error) for error in found.errors)
