"""The whole system on this machine as processes: what `demo`, `up` and the tests that need all of it stand on."""
