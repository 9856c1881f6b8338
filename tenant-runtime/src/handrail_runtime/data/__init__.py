"""The tenant's database: tables, migrations, engine."""
