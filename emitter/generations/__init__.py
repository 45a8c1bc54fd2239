"""The shapes of `data`, one module for each time the wire changed. Key order is part of the shape."""
