"""From facts to calls: what each mailbox should hold, who works on it, and what came of it."""
