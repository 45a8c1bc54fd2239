"""Looks after the receiver from beside it, and tells people."""
