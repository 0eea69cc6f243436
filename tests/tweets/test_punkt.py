import hashlib
import subprocess
import sys

from include.tweets.punkt import NLTK_DATA
from tests.conftest import REPOSITORY

ENGLISH = NLTK_DATA / "tokenizers" / "punkt_tab" / "english"


def test_the_data_are_those_that_the_tokens_rule_was_made_with():
    """A change of them is a change of the tokens: see TOKENS_RULE."""
    digest = hashlib.sha256()
    for path in sorted(ENGLISH.iterdir()):
        digest.update(path.read_bytes())
    assert digest.hexdigest() == "87b7437941fb4df13edcd8cad64ff370f548f8c3e9503a795e05bef42bf34bdc"


def test_other_data_on_the_machine_change_no_token(tmp_path):
    """Data after which "works" is an abbreviation, where nltk looks first."""
    other = tmp_path / "tokenizers" / "punkt_tab" / "english"
    other.mkdir(parents=True)
    for path in ENGLISH.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    (other / "abbrev_types.txt").write_text("works\n")
    program = "from include.tweets.tokens import tokenize, instances; t = 'It works. Yes.'; "
    program += "assert tokenize(t) == instances([t])[0].split() == ['it', 'works', '.', 'yes', '.'], tokenize(t)"

    subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env={"NLTK_DATA": str(tmp_path), "PATH": "", "PYTHONPATH": str(REPOSITORY)},
        check=True,
    )
