"""Says in one sentence what is wrong with this Python, if anything."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        f"Handrail needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. "
        "Install a newer one and run: make PYTHON=/path/to/python3 up"
    )
try:
    import ensurepip  # noqa: F401
    import venv  # noqa: F401
except ImportError:
    sys.exit("This Python lacks venv. On Debian and Ubuntu: sudo apt-get install python3-venv")
