"""A PostgreSQL cluster that lets in whom a test wants, over what it wants."""

import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy.engine import URL, make_url

from tests.authentication.certificates import Authority
from tests.databases import new_database, postgres_cluster, sqlalchemy_url

PASSWORD = "geheim-ist-geheim"


@dataclass
class Server:
    """The cluster, as its superuser sees it."""

    address: str
    authority: Authority

    def __post_init__(self) -> None:
        self.rules = Path(str(self.value("SHOW hba_file")))
        self._rules = self.rules.read_text("utf-8")

    def value(self, statement: str, database: str = "") -> object:
        with psycopg.connect(self.address, autocommit=True, **({"dbname": database} if database else {})) as connection:
            cursor = connection.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None

    def do(self, *statements: str, database: str = "") -> None:
        for statement in statements:
            self.value(statement, database)

    def account(self, *options: str, password: str = PASSWORD) -> str:
        name = f"a{uuid.uuid4().hex[:12]}"
        self.do(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' {' '.join(options)}")
        return name

    def database(self, owner: str) -> URL:
        url = make_url(sqlalchemy_url(new_database(self.address)))
        self.do(f'ALTER DATABASE "{url.database}" OWNER TO {owner}')
        return url.set(username=owner, password=PASSWORD)

    def rule(self, *lines: str) -> None:
        """Have these lines of pg_hba.conf stand before all others, and wait until they are in force."""
        self.rules.write_text("\n".join([*lines, self._rules]), "utf-8")
        self.reload()

    def reload(self) -> None:
        before = self.value("SELECT pg_conf_load_time()")
        self.do("SELECT pg_reload_conf()")
        while self.value("SELECT pg_conf_load_time()") == before:
            time.sleep(0.02)

    def give_certificate(self, name: str) -> None:
        certificate, key = self.authority.server(name)
        folder = self.rules.parent
        for path, target in ((certificate, "server.crt"), (key, "server.key")):
            (folder / target).write_bytes(path.read_bytes())
            (folder / target).chmod(0o600)
            account = folder.stat()
            shutil.chown(folder / target, account.st_uid, account.st_gid)
        self.do("ALTER SYSTEM SET ssl = on")
        self.reload()


@contextmanager
def refusing_server(authority: Authority) -> Iterator[Server]:
    """Run a cluster of the test's own."""
    with postgres_cluster() as address:
        yield Server(address, authority)


def written(url: URL) -> str:
    return url.render_as_string(hide_password=False)
