"""The REST API of RDV Service Public: of an object its id, of a RDV its organisation's too, nothing of an usager."""
