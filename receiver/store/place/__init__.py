"""Checks that the database is there, belongs to this installation, is undamaged, and is the newest copy."""
