import pytest

from include.tweets.formats.text import Survey, encoding_by_start, is_cp1252, transcoded, with_newlines

WESTERN = {
    "French": "Le café est très bon à Paris, l’été déjà; « où » ça coûte 5 € — naïve garçon",
    "German": "Größe über Straße, schöne Grüße aus München",
    "Spanish": "¿Qué mañana? El niño está aquí, señor",
    "Portuguese": "não é possível, coração de São Paulo às três",
    "quotes": "don’t miss “this” – today…",
}
OTHERS = {
    "cp1250": "příliš žluťoučký kůň úpěl ďábelské ódy",
    "cp1251": "привет как дела сегодня хорошо",
    "cp1253": "καλημέρα τι κάνεις σήμερα",
    "cp1254": "ışık şeker ağaç güzel çok öğretmen",
    "mac_roman": "Le café est très bon",
    "shift_jis": "今日はいい天気ですね",
    "cp850": "Le café est très bon",
}


@pytest.mark.parametrize("text", WESTERN.values(), ids=WESTERN)
def test_windows_western_encoding_is_detected(text):
    assert is_cp1252("\n".join(f"1,{text} {number}" for number in range(5)).encode("cp1252"))


@pytest.mark.parametrize("encoding", OTHERS)
def test_other_encodings_are_not_taken_for_it(encoding):
    assert not is_cp1252("\n".join(f"1,{OTHERS[encoding]} {number}" for number in range(5)).encode(encoding))
    assert not is_cp1252("1,őrült fűzfa tűz".encode("cp1250"))
    assert not is_cp1252("1,něco řekl člověk".encode("cp1250"))
    assert not is_cp1252("1,don’t".encode("mac_roman"))


@pytest.mark.parametrize(
    ("content", "said", "encoding"),
    [
        (["0,plain", "1,caf\u00e9"], "", "utf-8"),
        ([b"0,plain" * 500, b"1,caf\xe9"], "", "cp1252"),
        ([b"1,caf\xe9"], "cp1250", "cp1250"),
        (["1,caf\u00e9", b"1,caf\xe9"], "cp1252", "utf-8"),  # one broken row of a file that is UTF-8
        ([OTHERS["cp1251"].encode("cp1251")], "", None),
    ],
)
def test_the_encoding_of_a_file_is_told_by_all_of_its_lines(content, said, encoding):
    lines = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in content)

    assert Survey.of([lines[:7], lines[7:]]).encoding(said) == encoding


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf_16_and_32_are_told_by_their_first_bytes(encoding):
    content = "label,text\n1,café 🚀\n".encode(encoding)

    assert encoding_by_start(content).startswith(encoding)
    pieces = [content[:3], content[3:14], content[14:]]
    assert b"".join(transcoded(pieces, encoding_by_start(content))).decode() == "label,text\n1,café 🚀\n"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_told_also_where_most_characters_are_not_latin(encoding):
    assert encoding_by_start("1,東京の天気は晴れ、明日は雨が降るでしょう\u3000はい\n".encode(encoding)) == encoding


def test_a_zero_byte_here_and_there_does_not_make_it_utf_16():
    assert encoding_by_start(b"0,a\0b and much more text\n" * 9) == "utf-8"
    assert encoding_by_start(b"0,a\n" + bytes(99)) == "utf-8"


def test_a_byte_that_means_nothing_in_an_encoding_stays_as_it_is():
    assert b"".join(transcoded([b"caf\xe9 \x81"], "cp1252")) == "café ".encode() + b"\x81"


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_lone_carriage_return_becomes_a_newline_wherever_the_pieces_are_cut(cut):
    content = b"a\rb\r\nc\n\rd\r"

    assert b"".join(with_newlines([content[:cut], content[cut:]])) == b"a\nb\r\nc\n\nd\n"
