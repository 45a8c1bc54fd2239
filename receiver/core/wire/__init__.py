"""The emitters' messages, model by model: the words of the wire and their history stay in here."""
