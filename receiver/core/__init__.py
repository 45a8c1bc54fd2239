"""Decisions: pure functions from bytes, values and `now` to frozen values. No I/O, no clock, no web, no database."""
