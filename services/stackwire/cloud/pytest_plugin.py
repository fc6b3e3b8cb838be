"""Where the pytest plugin was: an installation that still names it finds nothing here."""
