"""What pages, API and metrics show, and the parameters of their queries."""
