"""The HTTP side: the webhook endpoint and the probes. Knows no connector."""
