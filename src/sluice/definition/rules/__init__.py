"""Rules across declarations, each a small function with its message.

A rule gets one declared model and `Known`, the other declarations, and yields the problems of the one model. It ignores
another declaration that is invalid on its own: that one has its own error.
"""
