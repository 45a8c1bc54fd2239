"""Who may read, and who may act."""
