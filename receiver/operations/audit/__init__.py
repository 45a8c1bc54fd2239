"""Whether calendars show what is recorded: audited by a command, or every night."""
