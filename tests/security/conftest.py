"""The receiver that security tests attack, and the ways to it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.processes import free_port
from receiver.store import Store
from tests.cli.operator import Operator, make
from tests.installation.proxies import Place, caddy_file, nginx_files, running
from tests.requirements import require
from tests.security.wire import Receiver, Way, a_receiver
from tests.web.receiver_client import Receiver as InProcess


@pytest.fixture(scope="session")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """The real program, web and worker."""
    with a_receiver(tmp_path_factory.mktemp("victim")) as receiver:
        yield receiver


@pytest.fixture(scope="session")
def directly(victim: Receiver) -> Way:
    """No proxy between."""
    return Way(victim, victim.port)


@pytest.fixture(scope="session")
def behind_nginx(victim: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """As deploy/nginx has it."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    require(program, "nginx is not installed")
    place = Place(tmp_path_factory.mktemp("nginx"), free_port(), victim.port)
    ca_file = place.certificate()
    with running([str(program), "-c", str(nginx_files(place))], place, ca_file) as proxy:
        yield Way(victim, proxy.port, ca_file)


@pytest.fixture(scope="session")
def behind_caddy(victim: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    """As deploy/caddy has it."""
    program = shutil.which("caddy")
    require(program, "caddy is not installed")
    place = Place(tmp_path_factory.mktemp("caddy"), free_port(), victim.port)
    ca_file = place.certificate()
    command = [str(program), "run", "--adapter", "caddyfile", "--config", str(caddy_file(place))]
    with running(command, place, ca_file) as proxy:
        yield Way(victim, proxy.port, ca_file)


@pytest.fixture(params=["directly", "behind_nginx", "behind_caddy"])
def way(request: pytest.FixtureRequest) -> Way:
    """Each of the three."""
    found: Way = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def receiver(migrated_sqlite: Path, tmp_path: Path) -> Iterator[InProcess]:
    """The web's half alone, in this process."""
    url = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'store.db')}"
    store = Store(url)
    yield InProcess(store, url)
    store.close()


@pytest.fixture
def operator(
    migrated_sqlite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Operator]:
    """Somebody at the command line."""
    url = f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'store.db')}"
    made = make(tmp_path, url, monkeypatch, capsys)
    yield made
    made.store.close()
