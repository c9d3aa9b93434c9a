"""Peak-season input from one seed, the list of what was sent, and the outside check of what came of it.

An outside tool: it imports nothing from streams or agents, so that its rules and its counts are a second opinion.
"""
