"""Receives the signed webhooks of RDV Service Public and keeps agents' calendars equal to them."""

__version__ = "0.1.0"
