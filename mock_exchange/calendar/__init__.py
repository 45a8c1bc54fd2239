"""Mailboxes, folders and items in memory, and what a calendar does with them: series, quotas, time zones."""
