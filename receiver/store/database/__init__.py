"""The engines of both kinds of database, tables, records, and the causes for which a database cannot be used."""
