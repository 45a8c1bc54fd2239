"""How far one webhook travels through the code: from the POST to the CreateItem that Exchange gets.

One thread carries two webhooks through the request, `Store.judge`, `Store.settle` and `Crew.work_once`, against the
mock Exchange. The first one warms up what is made once; the second one is traced until the connector has read the
answer to its CreateItem. The worker's loop around these steps is not traced.

A call is a call event of a function of `receiver` or `connectors` whose caller is there too: what Flask or SQLAlchemy
calls back is not counted, what it calls in turn is. Comprehensions and generator expressions belong to the function
around them. A generator that is resumed is called again.

- files: files with at least one call.
- functions, calls: different functions, and calls.
- returns: calls that enter a file which was left before. A call enters a file if the call before it was in another
  file; that other file is then left. A reader who follows the path turns back to a known file so many times.

`--checkout PATH` traces another checkout of the project with the environment of this one.
"""

import argparse
import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGES = ("receiver", "connectors")
WEBHOOK_SECRET, EXCHANGE_PASSWORD = "w" * 32, "e" * 16
INLINE = frozenset({"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>", "<module>"})
LIMIT_S = 120
CREWS = (("server_threads", "ServerThreads"), ("server_threads", "Crew"), ("crew", "Crew"))


@dataclass
class Trace:
    """The calls of one thread, in order."""

    root: Path
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Each a file, as a path below the root, and a function's qualified name."""
    _files: dict[str, str | None] = field(default_factory=dict)

    @contextlib.contextmanager
    def record(self) -> Iterator[None]:
        """Record the calls of this thread."""
        sys.setprofile(self._note)
        try:
            yield
        finally:
            sys.setprofile(None)
        while self.calls and not self.calls[-1][0].startswith("connectors"):
            self.calls.pop()  # what records the outcome

    def figures(self) -> dict[str, int]:
        """Return files, functions, calls and returns."""
        return {
            "files": len({file for file, _ in self.calls}),
            "functions": len(set(self.calls)),
            "calls": len(self.calls),
            "returns": sum(self.returns().values()),
        }

    def visits(self) -> list[str]:
        """Return the files in the order in which calls entered them."""
        files = [file for file, _ in self.calls]
        return [file for before, file in zip([None, *files], files, strict=False) if file != before]

    def returns(self) -> Counter[str]:
        """Count, for each file, the times that it was entered again."""
        return Counter({file: times - 1 for file, times in Counter(self.visits()).items()})

    def _note(self, frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        if event != "call" or code.co_name in INLINE:
            return
        file = self._own(code.co_filename)
        if file is not None and frame.f_back is not None and self._own(frame.f_back.f_code.co_filename):
            self.calls.append((file, code.co_qualname))

    def _own(self, filename: str) -> str | None:
        if filename not in self._files:
            self._files[filename] = self._below_root(filename)
        return self._files[filename]

    def _below_root(self, filename: str) -> str | None:
        path = Path(filename)
        if not path.is_absolute() or not path.is_relative_to(self.root):
            return None
        inside = path.relative_to(self.root)
        return str(inside) if inside.parts[0] in PACKAGES else None


def main() -> None:
    """Trace and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", type=Path, help="write figures, and calls and returns of each file, to this file")
    options.add_argument("--list", action="store_true", help="print each visit to a file with its calls, in order")
    options.add_argument("--checkout", type=Path, help="trace this checkout")
    arguments = options.parse_args()
    if arguments.checkout:
        sys.exit(_in_checkout(arguments.checkout.resolve(), arguments))
    trace = traced()
    if arguments.list:
        _print_visits(trace)
    entered, returns = Counter(file for file, _ in trace.calls), trace.returns()
    for file in dict(trace.calls):
        print(f"{file:60} {entered[file]:5} calls {returns[file]:5} returns")
    for name, figure in trace.figures().items():
        print(f"{name} {figure}")
    if arguments.json:
        files = {file: {"calls": entered[file], "returns": returns[file]} for file in dict(trace.calls)}
        arguments.json.write_text(json.dumps({**trace.figures(), "by_file": files}, indent=2) + "\n", "utf-8")


def _in_checkout(checkout: Path, arguments: argparse.Namespace) -> int:
    command = [sys.executable, str(Path(__file__).resolve())]
    command += ["--list"] if arguments.list else []
    command += ["--json", str(arguments.json.resolve())] if arguments.json else []
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    return subprocess.run(command, cwd=checkout, env=environment, check=False, timeout=LIMIT_S).returncode


def _print_visits(trace: Trace) -> None:
    before = None
    for file, function in trace.calls:
        if file != before:
            print(file)
        print(f"    {function}")
        before = file


def traced() -> Trace:
    """Carry two webhooks through, and return the trace of the second.

    Raises:
        RuntimeError: a step did not do its part.

    """
    # Imported here: the names are those of the checkout that PYTHONPATH puts first.
    import receiver  # noqa: PLC0415
    from benchmarks.webhooks import Appointments, agent  # noqa: PLC0415
    from mock_exchange import MockExchange  # noqa: PLC0415

    trace = Trace(Path(receiver.__file__).resolve().parents[1])
    appointments = Appointments(agents=1)
    with (
        tempfile.TemporaryDirectory(prefix="rdv-trace-") as folder,
        MockExchange([agent(0)], auth="ntlm", users={"MAIRIE\\svc-rdv": EXCHANGE_PASSWORD}) as exchange,
        contextlib.ExitStack() as opened,
    ):
        # The mock's accounts impersonate by name.
        exchange.access.impersonators["MAIRIE\\svc-rdv"] = None  # type: ignore[index]
        carry = _carrier(Path(folder), exchange.url, opened)
        carry(appointments.created(0))
        with trace.record():
            carry(appointments.created(1))
        made = len(exchange.items(agent(0)))
    if made != 2:
        raise RuntimeError(f"{made} entries in the calendar, not 2")
    return trace


def _carrier(folder: Path, server: str, opened: contextlib.ExitStack) -> Callable[[bytes], None]:
    """Open a receiver in a folder; return what carries a webhook from the POST into the calendar."""
    from demo import configuration  # noqa: PLC0415
    from emitter.platforms import Platform, signer  # noqa: PLC0415
    from receiver import bootstrap, config  # noqa: PLC0415
    from receiver.web.app import create_app  # noqa: PLC0415

    path = configuration.write(folder, server, port=8080)
    settings = config.load(path, {"RDV_WEBHOOK_SECRET": WEBHOOK_SECRET, "RDV_EXCHANGE_PASSWORD": EXCHANGE_PASSWORD})
    store = bootstrap.open_store(settings)
    opened.callback(store.close)
    store.migrate()
    client = create_app(settings, store).test_client()
    ruleset: Any = settings.ruleset()
    decide = getattr(ruleset, "compute_desired", None) or ruleset.decide  # the name of older checkouts
    [(name, connector)] = bootstrap.connectors(settings, store.installation().id).items()
    opened.callback(connector.close)
    served = {"served": settings.served} if hasattr(settings, "served") else {}  # older checkouts know no neighbours
    crew = _crew_class()(name, connector, 1, store, ruleset, **served)
    sign = signer(Platform.RDV_SERVICE_PUBLIC, WEBHOOK_SECRET)

    def carry(body: bytes) -> None:
        answer = client.post("/webhooks/mds", data=body, headers=sign(body), content_type="application/json")
        now = datetime.now(UTC)
        steps = {
            "POST": answer.status_code == 202,
            "judge": bool(store.judge(now)),
            "settle": store.settle(lambda view: decide(view, now), now) == 1,
            "work": crew.work_once(),
        }
        if not all(steps.values()):
            raise RuntimeError(f"not done: {steps}")

    return carry


def _crew_class() -> Any:
    """Return the class that works on one server, by its name in this checkout or in others."""
    for module, name in CREWS:
        with contextlib.suppress(ModuleNotFoundError, AttributeError):
            return getattr(importlib.import_module(f"receiver.worker.{module}"), name)
    raise RuntimeError("no class to work with")


if __name__ == "__main__":
    main()
