"""The status pages: what is looked at (`overview`, `reports`), how it is asked for and shown (`views`, `rendering`)."""
