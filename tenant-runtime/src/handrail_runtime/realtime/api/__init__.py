"""The tenant's read API: lists by keyset cursors, newest first. Read only, and with a deadline on every statement."""
