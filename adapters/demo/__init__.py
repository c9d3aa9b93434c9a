"""The demo: the whole system on this machine through a peak with faults, checked from the outside."""
