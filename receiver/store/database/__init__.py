"""How rows are reached: the engine of each kind of database, tables, records, and why a database cannot be used."""
