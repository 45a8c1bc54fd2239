"""Whether the database is there, is this installation's, is whole, and is the newest copy."""
