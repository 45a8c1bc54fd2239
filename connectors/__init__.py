"""Calendars that entries are written into. Knows nothing of webhooks, of the store, or of the receiver."""
