"""Watches over the rest, and tells people. Works while the store is away and the worker is dead."""
