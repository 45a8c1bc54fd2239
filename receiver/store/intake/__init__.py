"""From a webhook to facts: keeping it, judging it, setting it aside."""
