"""`handrail-operator` and `python -m handrail_operator`."""

import gc
import sys

# What is imported stays: looking for circles in it, over and over, is a quarter of a start. `main` turns it on again.
gc.disable()

from handrail_operator.main import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
