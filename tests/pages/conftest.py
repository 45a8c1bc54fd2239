"""One site for all who only look, and a browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from receiver.core.roles import Role
from receiver.store import Store
from tests.pages import story
from tests.pages.browser import ARGUMENTS, CHROMIUM, axe, serving
from tests.pages.story import SiteInTime, Visitor
from tests.requirements import require


@pytest.fixture(scope="session")
def told_store(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in which the week has happened, to make copies of."""
    path = tmp_path_factory.mktemp("pages") / "store.db"
    shutil.copy(migrated_sqlite, path)
    store = Store(f"sqlite:///{path}")
    story.tell(SiteInTime(store, story.settings_of(f"sqlite:///{path}")))
    store.close()
    return path


@pytest.fixture(scope="session")
def site(told_store: Path) -> Iterator[SiteInTime]:
    """The site that tests only look at."""
    store = Store(f"sqlite:///{told_store}")
    yield SiteInTime(store, story.settings_of(f"sqlite:///{told_store}"))
    store.close()


@pytest.fixture
def own_site(told_store: Path, tmp_path: Path) -> Iterator[SiteInTime]:
    """A site that a test may change."""
    path = tmp_path / "store.db"
    shutil.copy(told_store, path)
    store = Store(f"sqlite:///{path}")
    yield SiteInTime(store, story.settings_of(f"sqlite:///{path}"))
    store.close()


@pytest.fixture(scope="session")
def address(site: SiteInTime) -> Iterator[str]:
    """Where the site's pages are."""
    with serving(site.app) as url:
        yield url


@pytest.fixture(scope="session")
def tokens(site: SiteInTime) -> dict[Role, str]:
    """A token for each role."""
    return {role: site.token(role) for role in Role}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    require(Path(CHROMIUM).exists(), "Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe_source() -> str:
    """The judge of accessibility."""
    return axe()


@pytest.fixture
def reader(site: SiteInTime, tokens: dict[Role, str]) -> Visitor:
    """Somebody who may look."""
    return Visitor(site, tokens[Role.READ])


@pytest.fixture
def nobody(site: SiteInTime) -> Visitor:
    """Somebody without a token."""
    return Visitor(site, None)
