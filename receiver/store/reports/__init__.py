"""What pages, commands, metrics and alerts read."""
