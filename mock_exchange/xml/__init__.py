"""The vocabulary of EWS: its elements, and the paths that name properties. Knows no mailbox."""
