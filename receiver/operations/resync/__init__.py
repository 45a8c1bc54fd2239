"""Has the platform send again what it has, and asks it what is gone."""
