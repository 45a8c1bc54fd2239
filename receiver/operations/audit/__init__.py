"""Whether calendars show what is recorded: asked by a person, or every night."""
