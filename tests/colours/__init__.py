"""No screen says that all is well while something is not."""
