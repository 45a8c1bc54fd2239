"""Makes the platform send all it has again, and asks it what is gone."""
