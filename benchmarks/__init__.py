"""Measurements of the product, each run in processes of its own. Results with host, versions, settings and seed."""
