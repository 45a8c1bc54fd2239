"""What is no usable file is refused with its place, whatever its bytes are."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver import sentences
from receiver.config import ConfigurationErrors, load
from receiver.config.document import MAX_BYTES, parse


def refusal(raw: bytes) -> list[tuple[str, str, int | None]]:
    try:
        problems = parse(raw).problems
    except ConfigurationErrors as errors:
        problems = list(errors.problems)
    return [(problem.path, problem.code, problem.line) for problem in problems]


BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b",".join([b"*%c" % (name - 1)] * 9)) for name in range(ord("b"), ord("j"))
)


@pytest.mark.threat(id="yaml-bombs")
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", [("", "file_empty", None)]),
        (b"# only a comment\n", [("", "file_empty", None)]),
        (b"- a\n- b\n", [("", "not_mapping", 1)]),
        (b"just words", [("", "not_mapping", 1)]),
        (b"a: 1\nb: \xff\n", [("", "not_utf8", 2)]),
        (b"a: 1\nb: [1\n", [("", "yaml_syntax", 3)]),
        (b"a: 1\nb: c: d\n", [("", "yaml_syntax", 2)]),
        (b"a: \x07\n", [("", "yaml_syntax", 1)]),
        (b"a: 1\n---\nb: 2\n", [("", "yaml_syntax", 2)]),
        (b"a:\n\tb: 1\n", [("", "yaml_tab", 2)]),
        (b"a: 1\na: 2\n", [("a", "key_twice", 2)]),
        (b"a: {b: 1, b: 2}\n", [("a.b", "key_twice", 1)]),
        (b"? [a]\n: 1\n", [("", "key_not_text", 1)]),
        (b"a: !!python/object/apply:os.system [id]\n", [("a", "yaml_tag", 1)]),
        (b"a: !secret x\n", [("a", "yaml_tag", 1)]),
        (b"a: !!binary aGk=\n", [("a", "yaml_tag", 1)]),
        (b"a: !!set {b}\n", [("a", "yaml_tag", 1)]),
        (b"a: .inf\n", [("a", "yaml_value", 1)]),
        (b"a: .nan\n", [("a", "yaml_value", 1)]),
        (b"a: !!int x\n", [("a", "yaml_value", 1)]),
        (b"a: 0b_\n", [("a", "yaml_value", 1)]),
        (b"a: 012\n", [("a", "yaml_number", 1)]),
        (b"a: -0_7\n", [("a", "yaml_number", 1)]),
        (b"a: [12:30]\n", [("a[0]", "yaml_number", 1)]),
        (b"a: 1:30.5\n", [("a", "yaml_number", 1)]),
        (b"a: " + b"9" * 5000 + b"\n", [("a", "yaml_value", 1)]),
        (b'a: "\\ud800"\n', [("a", "yaml_value", 1)]),
        (b'a: "x\\0y"\n', [("a", "yaml_value", 1)]),
        (b"a: " + b"[" * 100_000, [("", "yaml_too_deep", None)]),
        (b"a: &a [*a]\n", [("", "yaml_too_deep", 1)]),
        (BOMB, [("", "yaml_too_big", 1)]),
        (b"a: *nowhere\n", [("", "yaml_syntax", 1)]),
    ],
)
def test_what_yaml_or_we_refuse(raw: bytes, expected: list[tuple[str, str, int | None]]) -> None:
    assert refusal(raw) == expected
    assert all(code in sentences.CONFIGURATION for _, code, _ in expected)


TABS = {
    "behind a value": "a: {b: [1, x]}\t\n",
    "behind a text": "a:\n  b: [1, x] \t \n",
    "before a comment": "a:\n  b: [1, x]\t# c\n",
    "behind a colon": "a:\t\n  b:\t[1, x]\n",
    "before a colon": "a\t:\n  b\t: [1, x]\n",
    "behind a dash": "a:\n  b:\n  -\t1\n  - \tx\t\n",
    "on an empty line": "\t\na:\n \t \n  b: [1, x]\n\t",
    "before a comment of its own line": "\t# c\na:\n\t# d\n  b: [1, x]\n",
    "in brackets": "a: {\n\tb:\t[1,\tx\t]\t}\n",
    "behind quotes": "a:\n  'b'\t: [1, \"x\"\t]\n",
    "behind the beginning": "---\t\na: {b: [1, x]}\n",
}


@pytest.mark.parametrize("name", TABS)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_tab_where_yaml_allows_one_is_a_blank(name: str, line_end: str) -> None:
    assert parse(TABS[name].replace("\n", line_end).encode()).root == {"a": {"b": [1, "x"]}}


def test_a_tab_within_a_text_stays() -> None:
    assert parse(b"a: x\ty\t\nb: 'x\t'\nc: |\n  x\t\n").root == {"a": "x\ty", "b": "x\t", "c": "x\t\n"}


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a:\n\tb: 1\n", 2, 1),
        ("a:\n  \tb: 1\n", 2, 3),
        ("a: x\n\ty\n", 2, 1),
        ("a:\n\t- b\n", 2, 1),
        ("a: 1\r\nb:\r\n\tc: 1\r\n", 3, 1),
    ],
)
def test_a_tab_that_indents_is_refused_with_its_place(text: str, line: int, column: int) -> None:
    with pytest.raises(ConfigurationErrors) as caught:
        parse(text.encode())
    [problem] = caught.value.problems
    assert (problem.code, problem.line, problem.column) == ("yaml_tab", line, column)


ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_each_encoding_of_unicode_is_read(encoding: str) -> None:
    assert parse("a: «\u202f1\u202f»\r\nb: 😀\r\n".encode(encoding)).root == {"a": "«\u202f1\u202f»", "b": "😀"}


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        ("a: 1\nb: é\n".encode("cp1252"), 2),
        (b"\xff\xfea\0:\0 \0001\0\n\0b\0\n", 2),
        ("a: 1\n\nb: \ud800\n".encode("utf-16-le", "surrogatepass"), 3),
        (b"\xef\xbb\xbfa: 1\n\xff", 2),
    ],
)
def test_what_is_in_no_encoding_of_unicode_is_refused_with_its_line(raw: bytes, line: int) -> None:
    assert refusal(raw) == [("", "not_utf8", line)]


@pytest.mark.parametrize("blank", ["\xa0", "\u200b", "\ufeff", "\u3000", "\u202f", "\u2060", "\u2003", "\xad"])
@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a:\n{}{}b: 1\n", [(2, 1)]),
        ("a:\n  {}b: 1\n{}c: 2\n", [(2, 3), (3, 1)]),
        ("a:\n{} - 1\n", [(2, 1)]),
        ("a: 1\n{}\nb: 2\n", [(2, 1)]),
        ("a: {}x\n", [(1, 4)]),
        ("a: x{}\n", [(1, 4)]),
        ("a{}: x\n", [(1, 1)]),
        ("a:\n- x\n- {}y\n", [(3, 3)]),
    ],
)
def test_a_blank_that_looks_like_a_space_is_told_with_its_place(
    blank: str, text: str, places: list[tuple[int, int]]
) -> None:
    raw = text.replace("{}", blank).encode()
    try:
        problems = parse(raw).problems
    except ConfigurationErrors as errors:
        problems = list(errors.problems)
    assert [(each.code, each.line, each.column) for each in problems] == [("yaml_blank", *place) for place in places]


def test_such_a_blank_within_a_text_or_quotes_is_text() -> None:
    text = "a: l\xa0est\nb: '\xa0'\nc: x # \xa0\n"
    assert parse(text.encode()).root == {"a": "l\xa0est", "b": "\xa0", "c": "x"}


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: 1\nb: [1\n", "yaml_syntax", 3, 1),
        ("a: 1\nb: c: d\n", "yaml_syntax", 2, 5),
        ("é: 1\nb: \x07\n", "yaml_syntax", 2, 4),
        ("a: 1\n  b: 2\n", "yaml_syntax", 2, 4),
        ("a: 'x\n", "yaml_syntax", 2, 1),
        ("a: {b: 1,\n  b: 2}\n", "key_twice", 2, 3),
        ("a: !x y\n", "yaml_tag", 1, 4),
        ("- a\n", "not_mapping", 1, 1),
    ],
)
def test_a_problem_has_its_line_and_column(text: str, code: str, line: int, column: int) -> None:
    try:
        problems = parse(text.encode()).problems
    except ConfigurationErrors as errors:
        problems = list(errors.problems)
    assert [(each.code, each.line, each.column) for each in problems] == [(code, line, column)]


def test_a_letter_in_two_halves_is_one() -> None:
    """As JSON writes an emoji in ASCII."""
    assert parse(b'{"a\\ud83d\\ude00": "\\ud83d\\ude00"}').root == {"a😀": "😀"}


def test_an_alias_is_a_plain_repetition() -> None:
    assert parse(b"a: &x {b: [1]}\nc: *x\n").root == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_a_byte_order_mark_is_no_key() -> None:
    """Notepad writes one."""
    assert parse(b"\xef\xbb\xbfa: 1\r\n").root == {"a": 1}


def test_dates_and_merge_keys_stay_text() -> None:
    assert parse(b"a: 2026-02-31\n<<: x\n").root == {"a": "2026-02-31", "<<": "x"}


def test_a_value_refused_by_yaml_is_not_reported_again_by_its_section(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("store: {url: !x y}\n")
    with pytest.raises(ConfigurationErrors) as caught:
        load(path, {})
    assert [problem.code for problem in caught.value.problems if problem.path == "store.url"] == ["yaml_tag"]


@pytest.mark.parametrize(("name", "code"), [("absent.yaml", "file_missing"), (".", "file_is_folder")])
def test_a_file_that_cannot_be_read(name: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationErrors) as caught:
        load(tmp_path / name, {})
    assert [problem.code for problem in caught.value.problems] == [code]


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigurationErrors) as caught:
        load(path, {})
    assert [problem.code for problem in caught.value.problems] == ["file_too_big"]


@given(
    raw=st.binary(max_size=200)
    | st.text(alphabet="ab:-[]{}&*!?|>'\"#%@` \n\t0.~<=\xa0\u200b\ufeff\r\x85", max_size=60).map(str.encode)
    | st.tuples(st.sampled_from(ENCODINGS), st.text(max_size=40)).map(lambda each: each[1].encode(each[0], "replace"))
)
@settings(max_examples=300, deadline=None)
def test_no_bytes_crash_the_reading(raw: bytes) -> None:
    """Whatever an editor, a template or a broken disk left there, the answer is a list of problems."""
    assert isinstance(refusal(raw), list)
