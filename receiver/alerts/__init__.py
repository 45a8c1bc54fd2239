"""Notifies people of troubles, also while the store is away and the worker is dead."""
