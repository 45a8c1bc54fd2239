"""The required strength of the secret that signs tokens. Not in `tokens`: the configuration must not import PyJWT."""

SHORTEST_SECRET = 32
"""Minimum number of characters: 128 bits, if they are hexadecimal digits."""
FEWEST_LETTERS = 8
"""Minimum number of different characters; 32 random hexadecimal digits have fewer once in 27 million times."""


def is_weak(secret: str) -> bool:
    """Whether a secret is too short, or has too few different characters."""
    return len(secret) < SHORTEST_SECRET or len(set(secret)) < FEWEST_LETTERS
