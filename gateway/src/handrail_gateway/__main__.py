"""`python -m handrail_gateway`"""

from handrail_gateway.main import main

raise SystemExit(main())
