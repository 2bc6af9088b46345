"""How much may be delivered in a contract year, how much was, and how much will be."""
