"""The documents of pages and API say what is so, and show it."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from receiver.core.roles import Role
from tests.pages.browser import cookie
from tests.pages.pictures import small
from tests.pages.story import PAGES, SiteInTime, Visitor

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "api.md").read_text("utf-8")
GUIDE = (DOCS / "fr" / "pages.md").read_text("utf-8")
EXAMPLES = re.findall(r"^## (GET|POST) (\S+)\n.*?```json\n(.*?)```", API, re.MULTILINE | re.DOTALL)
LARGEST_IMAGE = 150_000

ASKED = os.environ.get("RDV_SCREENSHOTS") == "1"


@dataclass(frozen=True)
class Picture:
    """What a picture in the guide shows."""

    name: str
    path: str
    width: int = 1280
    height: int = 800
    scheme: str = "light"
    part: str = "body"


PICTURES = [
    Picture("un-rendez-vous", PAGES["event"], width=390, height=1100),
    Picture("sept-jours", "/status", part="section[aria-labelledby=week]"),
    Picture("vue-d-ensemble", "/status", height=1000),
    Picture("vue-d-ensemble-sombre", "/status", height=1000, scheme="dark"),
    Picture("echecs", "/status/failures"),
    Picture("mis-de-cote", "/status/held", height=1300),
]


def differences(example: Any, real: Any, at: str = "$") -> list[str]:
    """Where an example, its lists cut short, is not what is really answered."""
    if isinstance(example, dict) and isinstance(real, dict):
        if example.keys() != real.keys():
            return [f"{at}: {sorted(example.keys() ^ real.keys())}"]
        return [found for name in example for found in differences(example[name], real[name], f"{at}.{name}")]
    if isinstance(example, list) and isinstance(real, list):
        return [f"{at}: {each}" for each in example if not any(differences(each, one) == [] for one in real)]
    return [] if example == real else [f"{at}: {example} is {real}"]


def test_every_answer_has_its_example(site: SiteInTime) -> None:
    rules = {rule.rule: rule.methods for rule in site.app.url_map.iter_rules() if rule.endpoint.startswith("api.")}
    told = {path.replace("4331", "<number>").partition("?")[0] for _, path, _ in EXAMPLES}
    assert told == set(rules)


def test_the_example_of_a_decision_is_what_is_really_answered(own_site: SiteInTime) -> None:
    """Numbers of a group are taken as they are; the short name of a secret is another in each store."""
    who = Visitor(own_site, own_site.token(Role.OPERATE))
    for path in ("/api/v1/held/release", "/api/v1/held/drop"):
        [answer] = [json.loads(text) for _, each, text in EXAMPLES if each == path]
        body = API.partition(f"## POST {path}\n")[2].partition("-d '")[2].partition("'")[0]
        assert who.post(path, json=json.loads(body)).get_json() == answer


@pytest.mark.parametrize(("path", "example"), [(path, text) for method, path, text in EXAMPLES if method == "GET"])
def test_an_example_is_what_is_really_answered(path: str, example: str, reader: Visitor) -> None:
    assert differences(json.loads(example), reader.data(path)) == []


def test_the_example_of_a_retry_is_what_is_really_answered(own_site: SiteInTime) -> None:
    body, answer = re.findall(r"-d '(.*?)'", API)[0], json.loads(EXAMPLES[2][2])
    who = Visitor(own_site, own_site.token(Role.OPERATE))
    assert EXAMPLES[2][:2] == ("POST", "/api/v1/failures/retry")
    assert who.post("/api/v1/failures/retry", json=json.loads(body)).get_json() == answer


def test_the_guide_names_every_page_and_shows_small_pictures() -> None:
    for path in PAGES.values():
        assert f"`{path.partition('?')[0]}`" in GUIDE
    pictures = re.findall(r"\]\((images/[\w-]+\.png)\)", GUIDE)
    assert {Path(picture).stem for picture in pictures} == {picture.name for picture in PICTURES}
    assert [picture for picture in pictures if not 0 < (DOCS / "fr" / picture).stat().st_size < LARGEST_IMAGE] == []


@pytest.mark.slow
@pytest.mark.parametrize("picture", PICTURES if ASKED else PICTURES[:1], ids=lambda picture: picture.name)
def test_a_picture_of_a_page(
    picture: Picture, browser: Browser, address: str, tokens: dict[Role, str], tmp_path: Path
) -> None:
    """With RDV_SCREENSHOTS=1 all are taken anew, into the documents: story, clock and Debian's fonts are the same."""
    file = (DOCS / "fr" / "images" if ASKED else tmp_path) / f"{picture.name}.png"
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height}, color_scheme=picture.scheme, locale="fr-FR"
    )
    context.add_cookies([cookie(address, tokens[Role.OPERATE])])
    page = context.new_page()
    page.goto(address + picture.path)
    whole = picture.part == "body"
    shot = page.screenshot() if whole else page.locator(picture.part).screenshot()
    context.close()
    file.write_bytes(small(shot))
    assert 0 < file.stat().st_size < LARGEST_IMAGE
