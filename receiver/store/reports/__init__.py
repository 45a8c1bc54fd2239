"""The queries of pages, commands, metrics and alerts."""
