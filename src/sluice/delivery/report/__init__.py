"""How a run ended: its report, and the history of reports."""
