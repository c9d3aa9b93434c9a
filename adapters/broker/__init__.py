"""Brokers: which one to use, how to start one on this machine, and what its topics must look like."""
