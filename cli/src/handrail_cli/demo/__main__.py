"""`python -m handrail_cli.demo`"""

from handrail_cli.demo.main import main

raise SystemExit(main())
