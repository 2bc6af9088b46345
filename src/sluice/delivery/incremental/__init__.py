"""What an incremental run delivers, and whose turn it is: positions, the watermark, and the order of deliveries."""
