"""The server side of HTTP: connections, authentication, throttling, faults on demand, and what was recorded."""
