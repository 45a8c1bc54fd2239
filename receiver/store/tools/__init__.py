"""What operators ask for now and then, and what is dropped in the end."""
