"""The files for contributors beside the code: hooks before a commit, forms for issues and pull requests."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))


def test_the_hooks_run_what_make_lint_runs() -> None:
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    commands = [line.removeprefix("\t@") for line in recipe.splitlines()[1:]]
    made = [line.replace("$(RUN)", ".venv/bin/python").replace("$(VENV)", ".venv") for line in commands]
    [local] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert local["repo"] == "local"  # any other would be fetched
    assert [hook["entry"] for hook in local["hooks"]] == made
    assert {(hook["language"], hook["pass_filenames"]) for hook in local["hooks"]} == {("system", False)}


@pytest.mark.parametrize("form", [form for form in FORMS if form.stem != "config"], ids=lambda form: form.stem)
def test_a_form_forbids_personal_data_and_asks_for_the_archive(form: Path) -> None:
    body = yaml.safe_load(form.read_text("utf-8"))["body"]
    parts = {part["id"]: part for part in body if "id" in part}
    assert "diagnose" in parts["archive"]["attributes"]["label"]
    assert [option["required"] for option in parts["privacy"]["attributes"]["options"]] == [True]
    assert "No personal data" in body[0]["attributes"]["value"]


def test_a_pull_request_is_asked_for_no_personal_data() -> None:
    text = (ROOT / ".github/PULL_REQUEST_TEMPLATE.md").read_text("utf-8")
    assert "No personal data" in text
    assert "rdv-receiver diagnose" in text
