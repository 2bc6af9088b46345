"""What Sluice is measured against, each at its fastest setting, in an environment of its own."""
