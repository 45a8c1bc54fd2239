"""The commands: they only parse and print."""
