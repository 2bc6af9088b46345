"""What no declaration can tell of itself: rules across declarations, each a small function with its message.

A rule gets one declared model and `Known`, and yields the problems of that one declaration. It says nothing about what
it cannot see: another declaration that is wrong in itself has its own error.
"""
