"""Answers what only the operator may do, asked over NATS in the platform's account: config, keys, delete."""
