"""What tests of whole systems share: waiting for a condition, processes, configurations, what a calendar shows."""
