"""`python -m receiver`: the same as `rdv-receiver`, for where scripts are not on the path."""

import sys

from receiver.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
