"""Whether the tests would notice: small edits of the product, drawn at random, each run against the fast tests."""
