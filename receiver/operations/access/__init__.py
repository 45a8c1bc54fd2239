"""Who may look and act: tokens, what they are signed with, and which webhook secrets still serve."""
