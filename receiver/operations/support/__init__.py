"""Help for the operator: `check` and `diagnose`."""
