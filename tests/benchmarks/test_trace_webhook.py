"""The trace of one webhook: what it counts, and that it reaches the calendar."""

from pathlib import Path

from benchmarks.trace_webhook import Trace, traced


def test_a_call_into_a_file_that_was_left_is_a_return() -> None:
    path = ["a", "a", "b", "a", "c", "b", "b", "a"]
    trace = Trace(Path("/"), [(file, "f") for file in path])
    assert trace.visits() == ["a", "b", "a", "c", "b", "a"]
    assert trace.figures() == {"files": 3, "functions": 3, "calls": 8, "returns": 3}


def test_a_webhook_is_followed_from_the_request_into_the_connector() -> None:
    trace = traced()
    visited = trace.visits()
    assert visited[0] == "receiver/web/webhook.py"
    assert visited[-1].startswith("connectors/")
    assert "receiver/core/plan.py" in visited
    assert all(name != "Trace._note" for _, name in trace.calls)
