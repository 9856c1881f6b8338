"""`python -m handrail_runtime`."""

import gc
import sys
from typing import Any

# What is imported stays: looking for circles in it, over and over, is a quarter of a start. `main` turns it on again.
gc.disable()
# In no image of this program. Where they are installed for others, NATS' client and structlog would load them in vain.
_modules: dict[str, Any] = sys.modules
_modules |= {"aiohttp": None, "rich": None}

from handrail_runtime.main import main  # noqa: E402

if __name__ == "__main__":
    main()
