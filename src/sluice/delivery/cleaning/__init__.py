"""What runs leave behind, and who removes it."""
