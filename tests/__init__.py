"""The tests: `core` is pure, `store` speaks to databases, `connectors` to the mock, `end_to_end` to processes."""
