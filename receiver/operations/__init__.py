"""The operations of an operator, shared by the commands and the pages: a module or a package for each."""
