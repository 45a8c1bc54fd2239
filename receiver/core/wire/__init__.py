"""Decoding of the emitters' payloads, one module a model: field names and their history stay in here."""
