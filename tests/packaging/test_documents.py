"""What the documents name exists: links, headings, files, modules; and the index lists every document."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from receiver.cli.main import LAYERS

ROOT = Path(__file__).parents[2]
INDEX = ROOT / "docs" / "README.md"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob(".github/*.md"), *ROOT.glob("docs/**/*.md")])
FOLDERS = ("benchmarks", "connectors", "demo", "deploy", "docs", "emitter", "mock_exchange", "receiver", "tests", ".ci")
"""Top folders of the repository: what begins with one of them is meant as a path in it."""

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")
QUOTED = re.compile(r"`([^`\n]+)`")
MODULE = re.compile(r"(?:" + "|".join(FOLDERS[:-1]) + r")(?:\.\w+)+")
PATTERN = set("*<>{}…")


def words(document: Path) -> Iterator[str]:
    """Return the words that a document has in backticks."""
    for quoted in QUOTED.findall(FENCED.sub("", document.read_text("utf-8"))):
        yield from (word.rstrip(",;:") for word in quoted.split())


def paths(document: Path) -> Iterator[str]:
    """Return what looks like a path in the repository, or like a source file."""
    for word in words(document):
        path = word.partition("::")[0]
        in_a_folder = "/" in path and path.partition("/")[0] in FOLDERS
        source = path.endswith((".py", ".md")) and not path.startswith("/")
        if (in_a_folder or source) and not PATTERN & set(path):
            yield path


def modules(document: Path) -> Iterator[str]:
    """Return what looks like a module, as Python names it; a part in capitals stands for any name."""
    for word in words(document):
        if MODULE.fullmatch(word) and not any(part.isupper() for part in word.split(".")):
            yield word


def is_module(name: str) -> bool:
    """Whether there is such a module, or such a name in one."""
    path = ROOT.joinpath(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    owner = next(
        (file for file in (path.parent.with_suffix(".py"), path.parent / "__init__.py") if file.is_file()), None
    )
    return owner is not None and re.search(rf"\b{path.name}\b", owner.read_text("utf-8")) is not None


def headings(document: Path) -> set[str]:
    """Return the anchors of a document, as GitHub makes them of its headings."""
    texts = re.findall(r"^#+ (.+)$", FENCED.sub("", document.read_text("utf-8")), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"\[(.*?)\]\(.*?\)", r"\1", text).lower()).replace(" ", "-") for text in texts
    }


def targets(document: Path) -> Iterator[tuple[str, Path, str]]:
    """Return each link into the repository with the file and the heading that it leads to."""
    for link in LINK.findall(FENCED.sub("", document.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        yield link, (document.parent / path).resolve() if path else document, heading


def named(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(document: Path) -> None:
    for link, target, heading in targets(document):
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not heading or heading in headings(target), link


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each.name != "CHANGELOG.md"], ids=named)
def test_every_file_and_module_that_is_named_exists(document: Path) -> None:
    """The changelog alone may name what is no more."""
    places = (ROOT, document.parent)
    assert [path for path in paths(document) if not any((place / path).exists() for place in places)] == []
    assert [name for name in modules(document) if not is_module(name)] == []


def test_the_index_lists_every_document() -> None:
    listed = {target for _, target, _ in targets(INDEX)}
    expected = {document for document in DOCUMENTS if document != INDEX and ".github" not in document.parts}
    assert {named(document) for document in expected - listed} == set()


def test_the_index_says_something_of_each() -> None:
    lines = [line for line in INDEX.read_text("utf-8").splitlines() if line.startswith("- [")]
    assert [line for line in lines if not re.fullmatch(r"- \[[^\]]+\]\([^)]+\): .{10,}", line)] == []


def test_the_readme_names_every_command() -> None:
    table = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    named = {word.partition(" ")[0] for line in table for word in QUOTED.findall(line.split(" | ")[0])}
    assert set(LAYERS) - named == set()


def test_the_glossary_has_each_word_once_and_in_order() -> None:
    table = (ROOT / "docs/glossary.md").read_text("utf-8").partition("\n## ")[0]
    found = re.findall(r"^\| ([^|]+) \| ", table, re.MULTILINE)[1:]
    assert found == sorted(set(found), key=str.casefold)
