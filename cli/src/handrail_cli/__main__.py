"""`python -m handrail_cli`."""

from handrail_cli.main import app

app(prog_name="handrail")
