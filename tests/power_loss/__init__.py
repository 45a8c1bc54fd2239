"""What a cut of power leaves of the store: cut at any write, with any part of what the disk had not yet flushed."""
