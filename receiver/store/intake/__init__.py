"""From a webhook to facts: appending it to the inbox, judging it, setting it aside."""
