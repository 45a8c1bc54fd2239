"""Carries decisions out: from the store into the calendars."""
