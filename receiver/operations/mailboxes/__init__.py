"""Whether the service account can do in each mailbox what the worker will do there."""
