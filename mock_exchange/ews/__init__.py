"""The protocol: requests read, answers written, as the EWS schema and Exchange have them."""
