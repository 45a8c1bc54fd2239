"""From facts to calls: what each mailbox should hold, which worker writes into it, and the results."""
