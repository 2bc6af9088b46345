"""Hand-over of a decided delivery: its files are posted to a web API, and each answer is kept."""
