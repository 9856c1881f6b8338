"""The tenant's API: lists by keyset cursors, newest first, and the few changes that put right what went wrong. Every
statement has a deadline."""
