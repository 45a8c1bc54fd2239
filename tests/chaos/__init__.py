"""A drill: real processes under load are killed, stopped and starved; an oracle knows what must be left."""
