"""Real parts for tests, demo and benchmarks: a Pebble, a DNS and an nginx, each on loopback ports of its own."""
