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
        (b"a: \x07\n", [("", "yaml_syntax", None)]),
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


@pytest.mark.parametrize(("name", "code"), [("absent.yaml", "file_missing"), (".", "file_unreadable")])
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


@given(raw=st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!?|>'\"#%@` \n\t0.~<=", max_size=60).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_no_bytes_crash_the_reading(raw: bytes) -> None:
    """Whatever an editor, a template or a broken disk left there, the answer is a list of problems."""
    assert isinstance(refusal(raw), list)
