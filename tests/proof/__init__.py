"""Every interleaving of a placement's life and of judging, within stated bounds: `python -m tests.proof`.

Modules: `explorer` (breadth first over any model); `world` (what a state is), `calendar`, `agent`, `workers`, `faults`,
`limits` (time) and `promises` (what must hold), which `life` puts together; `bounds` (what is exhausted); `judging` (the
order of arrival); `defects` (bugs of before, put back); `page` (docs/proof.md).
"""
