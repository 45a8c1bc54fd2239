"""Measurements: figures, one `name: value` a line; `--json FILE` writes them down."""
