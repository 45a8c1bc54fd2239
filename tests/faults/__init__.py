"""Every fault against every verb: no loss and no double in any cell of docs/faults.md."""
