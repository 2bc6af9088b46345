"""Real servers for the tests, each on a free loopback port, stopped by its own process id."""
