"""Every interleaving of a placement's life and of judging, within stated bounds: `python -m tests.proof`.

Modules: `explorer` (breadth first over any model); `world` (what a state is), `calendar`, `agent`, `workers`,
`operator`, `faults`, `ticks` (time) and `promises` (what must hold), which `life` puts together and `description`
prints; `rules` and `bounds` (what is exhausted); `judging`, `groups` and `exceptions` (the order of arrival);
`defects` (those of before, put back) and `survivors` (of mutation); `page` (docs/proof.md).
"""
