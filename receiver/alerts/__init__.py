"""Notifies people of troubles, even while the store cannot be used and the worker is dead."""
