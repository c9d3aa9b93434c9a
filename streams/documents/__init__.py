"""The documents an order can need: for each, its subjects, its gates and what it says.

These are common to every ERP; a system's playbook composes them (`adapters/<system>/playbook.py`).
"""
