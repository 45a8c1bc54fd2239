"""Entries read back after a loss, taken over from another installation, or removed for good."""
