"""What `resync` and `secrets` print."""

from collections.abc import Mapping

RESYNC: Mapping[str, str] = {
    # Arguments
    "source": "source à resynchroniser (obligatoire si plusieurs ont une api)",
    "organisation": "organisation, par son numéro chez l'émetteur (option répétable ; par défaut, celles de la source)",
    "models": "ce qu'on attend : rdv, absence, plage_ouverture, séparés par des virgules (par défaut, ce que montrent "
    "les calendriers)",
    "endpoint-url": "adresse du webhook déclarée chez l'émetteur (par défaut, api.webhook_url)",
    "create-endpoint": "crée le webhook dans les organisations où il manque, avec le secret de la source",
    "verify-only": "ne fait rien renvoyer : vérifie ce que la dernière resynchronisation n'a pas apporté",
    "no-verify": "ne vérifie pas ce qui n'est pas revenu",
    "all": "vérifie aussi ce qui est passé",
    "force": "retire ce qui a disparu même si c'est beaucoup",
    "dry-run": "regarde seulement : ne fait rien renvoyer, ne retire rien",
    "unknown model": "modèle inconnu : choisissez parmi {known}",
    # Refusals
    "source_unknown": "Aucune source de ce nom.",
    "source_needed": "Plusieurs sources ont une api : dites laquelle avec --source.",
    "api_missing": "Aucune api n'est configurée : remplissez sources.<nom>.api (url, email, password).",
    "no_api_of_insertion": "rdv-insertion n'a pas cette API : seule une source rdv_service_public se resynchronise.",
    "endpoint_url_missing": "L'adresse du webhook n'est pas connue : donnez api.webhook_url, ou --endpoint-url.",
    "organisation_not_of_source": "Une de ces organisations ne figure pas dans celles de la source.",
    "create_needs_organisations": "--create-endpoint demande de dire où : --organisation, ou les organisations de la "
    "source.",
    "never_resynced": "Cette source n'a jamais été resynchronisée : lancez resync sans --verify-only.",
    # Why the API did not answer
    "sign_in_refused": "L'API refuse l'adresse ou le mot de passe du compte. Vérifiez api.email et api.password.",
    "sign_in_unavailable": "Cette instance n'offre pas la connexion par mot de passe (elle veut OAuth). "
    "Resynchronisez à la main : enregistrez de nouveau le webhook dans sa page d'administration.",
    "unauthorized": "L'API ne reconnaît plus le compte. Est-il utilisé ailleurs en même temps ? Relancez.",
    "forbidden": "Le compte n'en a pas le droit. Il lui faut être administrateur du territoire et de l'organisation.",
    "not_found": "L'API ne connaît pas cette adresse. Vérifiez api.url.",
    "refused": "L'API refuse la demande. Vérifiez l'adresse du webhook.",
    "throttled": "L'API demande d'attendre (50 requêtes par minute). Relancez plus tard.",
    "server_error": "L'API est en panne. Relancez plus tard.",
    "redirected": "L'API renvoie ailleurs. Mettez dans api.url l'adresse exacte (avec www).",
    "not_understood": "La réponse n'est pas celle de l'API : un pare-feu ou un mandataire répond-il à sa place ?",
    "filter_ignored": "L'API n'a pas tenu compte de la question : sa version est inconnue. Prévenez les auteurs.",
    "timeout": "L'API ne répond pas à temps. Relancez plus tard.",
    "unreachable": "L'API ne peut pas être jointe. Vérifiez api.url, api.http_proxy et le pare-feu.",
    "proxy": "Le mandataire ne peut pas être joint ou refuse. Vérifiez api.http_proxy.",
    "tls": "Le certificat de l'API n'est pas reconnu. Si un mandataire déchiffre, mettez son autorité dans "
    "api.ca_file.",
    # Organisations
    "column organisation": "organisation",
    "column step": "état",
    "column details": "à voir",
    "triggered": "renvoie tout",
    "created": "webhook créé, envoie tout",
    "ready": "prête",
    "no_endpoint": "ÉCHEC : pas de webhook vers cette adresse (voir --create-endpoint)",
    "not_a_member": "ÉCHEC : le compte n'en fait pas partie",
    "no_secret": "ÉCHEC : aucun secret de la source ne vaut pour elle",
    "failed": "ÉCHEC",
    "unsubscribed": "non abonnée à : {models}",
    "no_organisation": "Aucune organisation du compte n'envoie vers cette adresse.",
    "would": "Rien n'a été demandé. Sans --dry-run, les organisations prêtes renverraient tout.",
    # Watching
    "bar": "reçus",
    "received": "Reçus : {counts}.",
    "count": "{count} {model}",
    "count of": "{count} {model} sur {total} environ",
    "nothing": "rien",
    "complete": "Tout est arrivé.",
    "still": "Plus rien n'arrive.",
    "nothing_came": "ÉCHEC : rien n'est arrivé. L'émetteur joint-il cette adresse ? Voyez le journal et status.",
    "too_long": "Cela dure encore ; la suite arrivera sans qu'on la regarde.",
    "interrupted": "Interrompu : rien n'a été retiré, et ce que l'émetteur a commencé d'envoyer arrive toujours. Pour "
    "vérifier plus tard : rdv-receiver resync --verify-only",
    # Verification
    "progress": "vérification",
    "column event": "événement",
    "column finding": "constat",
    "verified": "{gone} disparus, {exists} existent sans être revenus, {undecided} à voir.",
    "removed": "{count} retirés ; le service vide les calendriers.",
    "would remove": "{count} seraient retirés.",
    "held": "ÉCHEC : {count} événements ont disparu, c'est beaucoup : rien n'a été retiré. Vérifiez-en "
    "quelques-uns dans RDV Service Public, puis relancez avec --verify-only --force.",
    "more": "… et {count} autres (voir --json).",
    "gone": "disparu",
    "exists": "existe, n'est pas revenu",
    "finding forbidden": "le compte n'a pas le droit de le voir",
    "hidden": "le compte ne voit pas tous les rendez-vous de cette sorte",
    "unreadable": "l'API ne permet pas de lire les plages d'ouverture",
    "unanswered": "sans réponse",
}

SECRETS: Mapping[str, str] = {
    "action": "new : écrit un nouveau secret, à mettre dans la configuration et chez l'émetteur",
    "source": "source à montrer (par défaut, toutes)",
    "unused-days": "un secret qui n'a pas servi depuis tant de jours est signalé (30)",
    "days": "il faut un nombre de jours de 1 à 3650",
    "source_unknown": "Aucune source de ce nom.",
    "column place": "secret",
    "column organisations": "organisations",
    "column used_at": "dernier usage",
    "column state": "état",
    "every": "toutes",
    "never_at": "—",
    "used": "sert",
    "never": "n'a jamais servi",
    "unused": "ne sert plus : peut être retiré",
    "ok": "Aucun secret n'est à retirer.",
    "trouble": "{count} secret(s) à retirer de la configuration : voir le guide « Changer un secret ».",
}
