"""What an operator can ask for, shared by the commands and the pages: a module or a package for each."""
