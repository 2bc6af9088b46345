"""Adobe Audience Manager's REST API: the login, and the folders, traits and segments of exports."""
