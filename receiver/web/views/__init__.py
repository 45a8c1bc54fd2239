"""What pages, API and metrics show, and the questions that they take."""
