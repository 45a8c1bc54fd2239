"""Who may read and act: tokens, their key, and which webhook secrets are still in use."""
