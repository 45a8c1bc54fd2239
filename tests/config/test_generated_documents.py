"""Whatever stands under the known keys, loading answers with settings or problems."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver.cli.output import problem_line
from receiver.config import ConfigurationErrors, IcsFolder, load
from receiver.config.secret_fields import SecretReference
from receiver.config.section import Section
from receiver.config.settings import SECTIONS, MailboxesSection
from tests.config.problems import problems_of

_SECTIONS: list[type[Section]] = [*SECTIONS.values(), IcsFolder, SecretReference]
_KEYS = [
    *SECTIONS,
    *(key for section in _SECTIONS for key in section.model_fields),
    "exchange",
    "a@x.example",
]
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["ews", "ics_folder", "sqlite:////a/b", "exchange", "a@x.example", "*@x", "/dev/null", "12"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5),
    max_leaves=12,
)
_TREES = st.dictionaries(st.sampled_from(list(SECTIONS)), _VALUES, min_size=1)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("any") / "config.yaml"


@given(tree=_TREES)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_tree_crashes_the_loading(config: Path, tree: dict[str, object]) -> None:
    config.write_text(json.dumps(tree))  # JSON is YAML
    with pytest.raises(ConfigurationErrors) as caught:
        load(config, {})
    for problem in caught.value.problems:
        assert "\n" not in problem_line(config, problem)


@given(section=st.dictionaries(st.sampled_from(list(MailboxesSection.model_fields)), _VALUES, max_size=4))
@settings(max_examples=200, deadline=None)
def test_no_mailboxes_section_crashes_the_loading(config: Path, section: dict[str, object]) -> None:
    tree = {
        "store": {"url": "sqlite:////a/b"},
        "sources": {"s": {"emitter": "rdv_insertion", "platform": "p", "secrets": [{"env": "A"}]}},
        "calendars": {"exchange": {"kind": "ics_folder", "path": "/srv"}},
        "mailboxes": section,
    }
    config.write_text(json.dumps(tree))
    assert all(problem.path.startswith("mailboxes") for problem in problems_of(config, {"A": "a"}))
