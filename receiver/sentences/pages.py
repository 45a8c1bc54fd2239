"""The status pages: codes in words, causes of refused requests, errors, and a message to hand on."""

from collections.abc import Mapping

PAGE_WORDS: Mapping[str, Mapping[str, str]] = {
    "model": {
        "Rdv": "Rendez-vous",
        "Absence": "Absence",
        "PlageOuverture": "Plage d'ouverture",
        "AgentNews": "Agent",
        "RoleNews": "Rôle d'agent",
    },
    "news": {
        "Rdv": "rendez-vous",
        "Absence": "absences",
        "PlageOuverture": "plages d'ouverture",
        "AgentNews": "agents",
        "RoleNews": "rôles d'agents",
    },
    "kind": {"created": "création", "updated": "modification", "destroyed": "suppression"},
    "verdict": {
        "accepted": "retenu",
        "duplicate": "déjà reçu",
        "superseded": "dépassé par plus récent",
        "out_of_scope": "mis de côté, hors de la portée du secret",
        "held": "mis de côté, retirerait trop d'entrées",
        "too_old": "trop ancien",
        "too_new": "en avance sur notre horloge",
    },
    "state": {
        "written": "écrite",
        "waiting": "en attente",
        "unconfirmed": "à vérifier (écriture sans réponse)",
        "failed": "refusée",
        "dismissed": "laissée de côté (forget)",
        "declined": "retirée par l'agent",
    },
    "verb": {"create": "création", "update": "modification", "delete": "suppression"},
    "colour": {"ok": "OK", "attention": "Attention", "alarm": "Alarme"},
    "role": {"read": "lecture", "operate": "exploitation"},
}
"""Words for codes in tables, by the kind of code. A code that is missing here is shown unchanged."""

SCOPE_NOUNS: Mapping[str, tuple[str, str]] = {
    "mailbox": ("boîte", "boîtes"),
    "entry": ("entrée", "entrées"),
    "event": ("événement", "événements"),
    "server": ("serveur en pause", "serveurs en pause"),
}
"""What is counted in a group of failures: one, several."""

SCOPES: Mapping[str, str] = {
    "mailbox": "Ces boîtes ne se laissent pas écrire ; elles sont réessayées d'elles-mêmes, de moins en moins souvent.",
    "entry": "Ces entrées sont refusées pour de bon ; elles ne sont plus réessayées d'elles-mêmes.",
    "event": "Ces événements ne peuvent être montrés dans aucun calendrier ; ils sont repris au prochain message.",
    "server": "Rien n'est demandé à ce serveur pour le moment : il est en panne, ou il a demandé une pause. "
    "Une pause demandée dure 10 minutes au plus.",
}
"""What a group of failures means, by its scope."""

REFUSALS: Mapping[str, str] = {
    "unauthorized": "Signature absente ou fausse. S'il y en a beaucoup, le secret a sans doute changé d'un seul côté : "
    "mettez le nouveau à côté de l'ancien. Quelques-unes : des robots.",
    "unavailable": "La base ne pouvait pas être écrite. L'émetteur renverra ces messages.",
    "disk": "Le disque de la base est presque plein. L'émetteur renverra ces messages ; faites de la place.",
    "backlog": "Trop d'événements attendent d'être traités. L'émetteur renverra ces messages ; le worker tourne-t-il ?",
    "busy": "Deux très grands messages (plus de 1 Mio) étaient déjà en cours. L'émetteur renverra ceux-ci.",
    "store_not_current": "La base est d'une version plus ancienne que le programme : lancez « rdv-receiver migrate ». "
    "L'émetteur renverra ces messages.",
    "store_vanished": "La base n'était pas là, ou une autre avait pris sa place. L'émetteur renverra ces messages.",
    "store_too_new": "La base est d'une version trop récente pour le programme qui a reçu ces messages : mettez-le à "
    "jour. L'émetteur les renverra.",
    "store_unreachable": "La base était endommagée, ou il y manquait des tables ou des droits. L'émetteur renverra ces "
    "messages.",
    "platform_lost": "La plateforme de cette source n'a encore rien reçu, et une autre, qui n'est plus dans la "
    "configuration, a des événements à venir du même émetteur. Renommée ? Rendez-lui son ancien nom. Sinon gardez une "
    "source de l'ancienne plateforme dans la configuration. L'émetteur renverra ces messages.",
    "not_found": "L'adresse ne nomme aucune source configurée. Vérifiez l'adresse chez l'émetteur.",
    "model": "Ces messages ne concernent aucun calendrier (usagers, motifs...). C'est normal ; décochez-les chez "
    "l'émetteur si vous le souhaitez.",
    "organisation": "Ces organisations ne sont pas dans la liste de la source. C'est normal si la liste est voulue.",
}
"""Why requests were refused or left aside, where that means something else than in `CAUSES` or `CALENDAR`."""

PAGE_ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("Cette demande n'est pas comprise", "Vérifiez l'adresse, ou repartez de la vue d'ensemble."),
    404: ("Cette page n'existe pas", "Vérifiez l'adresse, ou repartez de la vue d'ensemble."),
    405: ("Cette action n'existe pas ici", "Repartez de la vue d'ensemble."),
    500: ("Une erreur est survenue", "Le détail est dans le journal du service (journalctl -u rdv-receiver)."),
}
"""Title and sentence of an error page, by HTTP status."""

BAD_QUESTION = "La valeur de « {name} » n'a pas la forme attendue. Corrigez-la, ou repartez de la vue d'ensemble."
"""Instead of the sentence for 400, where it is known which value is wrong."""

RETRIED: Mapping[str, str] = {
    "none": "Rien n'était plus à réessayer : ce groupe a changé entre-temps.",
    "one": "1 élément sera réessayé aussitôt.",
    "many": "{count} éléments seront réessayés aussitôt.",
}

UNMAPPED_MAIL = """\
Objet : boîtes Exchange des agents de RDV Service Public

Bonjour,

Les agents ci-dessous ont des rendez-vous à venir dans RDV Service Public, mais rien ne nous dit dans quelle boîte
Exchange les inscrire.

{agents}

Pour chacun, pourriez-vous nous donner :
1. l'adresse principale de sa boîte Exchange (ou nous dire qu'il n'en a pas) ;
2. la confirmation que la portée du rôle ApplicationImpersonation de notre compte de service couvre cette boîte.

Une réponse à la suite de chaque ligne, sous la forme « agent;boîte », nous convient très bien.

Merci.
"""
"""A message to the administrator of Exchange; it holds only agents' e-mails and numbers."""

UNMAPPED_LINE = "{email} ({events} à venir)"

WEEKDAYS = ("lun.", "mar.", "mer.", "jeu.", "ven.", "sam.", "dim.")
