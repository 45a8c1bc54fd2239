"""The two tiers: `make test` runs what is quick, `make test-all` everything.

A directory or module named here is slow as a whole. Any other slow module says ``pytestmark = pytest.mark.slow``, and a
single slow test has the marker. `pytest -m slow` runs what is slow.
"""

from pathlib import Path

TESTS = Path(__file__).parent

SLOW = {
    "authentication": "a Kerberos realm of its own",
    "benchmarks": "measures, at least a little",
    "chaos": "a receiver killed under load",
    "cli/test_imported_modules.py": "a process for each command",
    "cli/test_standard_streams.py": "a process for each command and each kind of terminal",
    "connectors/test_any_server_suite.py": "the connectors' suite once more, in a process of its own",
    "convergence": "random lives of the whole system",
    "drill": "whole systems that are broken and repaired",
    "emitter/test_emitter_conformance.py": "the judge of receivers, against two dozen wrong ones",
    "end_to_end": "all processes of a receiver",
    "faults": "every fault against every verb",
    "installation": "an empty Debian, reverse proxies, upgrades from host to host",
    "interoperability": "EWS clients of other people",
    "packaging/test_image.py": "builds the container image",
    "packaging/test_wheel.py": "builds and installs the wheel",
    "pages/test_pages_in_a_browser.py": "a browser",
    "power_loss": "a disk that loses what was not flushed",
    "security/test_hostile_files.py": "memory, measured while large files are read",
    "security/test_hostile_servers.py": "memory and seconds, measured while servers flood and trickle",
    "security/test_large_bodies.py": "a receiver's processes, measured in megabytes and seconds",
    "security/test_memory_of_processes.py": "a receiver's processes, measured in megabytes",
    "security/test_requests_on_the_wire.py": "a receiver's processes, behind each proxy",
    "security/test_slow_clients.py": "a receiver's processes, and clients that take seconds",
    "web/test_prometheus.py": "a Prometheus server",
}
"""Path below `tests/`, and what takes the time."""


def is_slow(relative: Path) -> bool:
    """Return whether a test file, by its path below `tests/`, is not in the quick tier."""
    return any(each.as_posix() in SLOW for each in (relative, *relative.parents))
