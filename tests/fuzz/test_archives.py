"""Archives of models: whatever they hold, model.bin is copied out of them or they are refused."""

import gzip
import io
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from include.blazingtext.model_archive import MAX_COMPRESSION, extract_model
from tests.fuzz.mutations import mutated

names = st.sampled_from(
    ["model.bin", "a/model.bin", "../model.bin", "/model.bin", "vectors.bin", "model.bin/", "x" * 90]
)
TYPES = (tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
TYPES += (tarfile.REGTYPE, tarfile.GNUTYPE_SPARSE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, b"\xff")


@st.composite
def archives(draw) -> bytes:
    """A tar file with any members."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=draw(st.sampled_from([0, 1, 2]))) as archive:
        for _ in range(draw(st.integers(0, 3))):
            member = tarfile.TarInfo(draw(names))
            content = draw(st.binary(max_size=600))
            member.type, member.linkname = draw(st.sampled_from(TYPES)), draw(names)
            member.pax_headers = draw(st.dictionaries(st.sampled_from(PAX), st.text(max_size=9), max_size=2))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


PAX = ("size", "path", "linkpath", "GNU.sparse.map", "GNU.sparse.size", "GNU.sparse.major", "GNU.sparse.name", "mtime")
tars = st.one_of(archives(), archives().flatmap(lambda tar: mutated((tar,), (b"9", b"7", b" ", b"\xff", b"\x80"))))
gzipped = tars.map(lambda tar: gzip.compress(tar, mtime=0))


@given(st.one_of(gzipped, gzipped, gzipped.flatmap(lambda content: mutated((content,)))))
def test_a_model_is_copied_or_the_archive_is_refused_in_words(content):
    with TemporaryDirectory() as folder:
        target = Path(folder) / "model.bin"
        try:
            extract_model(io.BytesIO(content), target)
        except ValueError as error:
            assert str(error)
        else:
            assert target.stat().st_size <= len(content) * MAX_COMPRESSION
        assert {path.name for path in Path(folder).iterdir()} <= {"model.bin"}
