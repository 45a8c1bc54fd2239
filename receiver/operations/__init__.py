"""One module for each thing that an operator asks for; shared by the commands and the pages."""
