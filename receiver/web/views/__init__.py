"""What pages, API and metrics show, and how it is asked for."""
