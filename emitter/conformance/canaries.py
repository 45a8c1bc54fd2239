"""The personal texts in the stories' payloads, about usagers and agents, that no calendar may show."""

PERSONAL = (
    "Fatoumata",
    "Andrea",
    "EXEMPLE",
    "example.org",
    "impasse des Usagers",
    "chemin Privé",
    "bâtiment C",
    "06 39 98",
    "+3363998",
    "1234567A",
    "7867687",
    "2750662",
    "1871262",
    "DOS-77",
    "locataire",
    "Suivi depuis 2019",
    "Sous curatelle",
    "Madame vient avec sa fille malade",
    "Note de dernière minute",
    "Rappeler l'usager",
    "Atelier de la famille",
    "Atelier des parents",
    "Chez la voisine",
    "allée des Secrets",
    "webconf.numerique.gouv.fr",
    "Rendez-vous médical",
    "Oncologue",
)


def found_in(text: str) -> list[str]:
    """Return those that the text contains, in any case, and in any JSON escaping."""
    seen = text.casefold()
    return [canary for canary in PERSONAL if canary.casefold() in seen]
