"""How strong the secret that signs tokens must be. Apart from tokens: every process reads the configuration."""

SHORTEST_SECRET = 32
"""Characters of the secret that tokens are signed with: 128 bits, where they are hexadecimal digits."""
FEWEST_LETTERS = 8
"""Different characters in it; 32 random hexadecimal digits have fewer once in some 27 million times."""


def is_weak(secret: str) -> bool:
    """Whether a secret can be guessed: too short, or few different characters."""
    return len(secret) < SHORTEST_SECRET or len(set(secret)) < FEWEST_LETTERS
