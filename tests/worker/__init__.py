"""The worker against the mock Exchange, through the real connector; time passes when a test says so."""
