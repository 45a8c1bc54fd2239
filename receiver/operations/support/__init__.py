"""What somebody needs who puts the service in order: `check` and `diagnose`."""
