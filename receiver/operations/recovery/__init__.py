"""After a loss: entries read back, taken over from another installation, or taken out for good."""
