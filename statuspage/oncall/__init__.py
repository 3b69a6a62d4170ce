"""On call: calendars that say who is on duty for a role, so that a reminder reaches whoever is awake for it."""
