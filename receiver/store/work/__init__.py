"""From facts to writes: the desired content of each mailbox, which worker writes into it, and the results."""
