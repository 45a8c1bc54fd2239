"""Benchmarks: each prints figures, one `name: value` a line; `--json FILE` writes them to a file."""
