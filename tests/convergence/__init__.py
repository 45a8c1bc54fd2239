"""The product's promise, tried on random lives: whatever happened on the way, the mailboxes end as they should be."""
