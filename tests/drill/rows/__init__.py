"""The breakages by kind: how each is made real, how it is repaired, and what its row declares."""
