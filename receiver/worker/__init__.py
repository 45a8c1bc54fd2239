"""Writes what the store says into the calendars."""
