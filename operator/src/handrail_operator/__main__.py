"""`python -m handrail_operator`."""

import sys

from handrail_operator.main import main

if __name__ == "__main__":
    sys.exit(main())
