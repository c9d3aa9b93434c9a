"""The command line. A module here is a verb: `dlq.py` is `reveni-streams dlq`."""
