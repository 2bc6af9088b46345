"""Problems of declarations, as error pages with file, line and column."""
