"""Doubles of the systems around us, shipped as product: one process, one mount per system, one control plane.

They are the other side of the wire: nothing here knows the product's documents, playbooks or decisions. In a test:
`adapters.simulators.server.start(host, port, config)`; as a process: `python -m adapters.simulators --bind host:port`.
"""
