"""Alerts: their texts, and the outcomes of sending them."""

from collections.abc import Mapping

ALERT: Mapping[str, str] = {
    # Latin letters only: it also goes into HTTP headers.
    "name": "RDV vers Exchange",
    "alarm": "[RDV → Exchange] ALARME : {title}",
    "attention": "[RDV → Exchange] Attention : {title}",
    "changed": "[RDV → Exchange] {label}, autre cause : {title}",
    "ended": "[RDV → Exchange] Terminé : {title}",
    "began": "Depuis le {at}.",
    "goes_on": "Cela dure : ce trouble vous a déjà été signalé. Il a maintenant cette cause, ou il s'est aggravé.",
    "over": "C'est fini depuis le {at}. Cela durait depuis le {since}.",
    "cure": "Que faire : {cure}",
    "runbook": "Guide de dépannage (docs/fr/depannage.md), chapitre « {code} ».",
    "from": "Machine : {host}",
    "from_installation": "Machine : {host}, installation {installation}",
    "test_title": "[RDV → Exchange] Essai d'alerte",
    "test_body": "Ce message d'essai a été demandé par « rdv-receiver watch --test ». Il n'y a rien à faire.",
}

DIGEST: Mapping[str, str] = {
    "well": "[RDV → Exchange] Résumé du {day} : tout va bien",
    "troubles": "[RDV → Exchange] Résumé du {day} : {label}, {count} point(s)",
    "period_day": "Le {first} :",
    "period_days": "Du {first} au {last} :",
    "webhooks": "- webhooks gardés : {kept}, refusés : {refused}",
    "writes": "- écritures dans les calendriers : {done} faites, {failed} en échec",
    "now": "En ce moment :",
    "backlog": "- {due} changement(s) à écrire, {unsettled} événement(s) à traiter",
    "unmapped": "- {count} agent(s) attendu(s) sans boîte",
    "blind": "La base ne répond pas : il n'y a pas de chiffres.",
    "all_well": "Tout va bien.",
    "open": "Ce qui ne va pas :",
    "trouble": "- {label} {title} (depuis le {at} ; chapitre « {code} »)",
    "trouble_undated": "- {label} {title} (chapitre « {code} »)",
    "absence": "Ce résumé part chaque jour ouvré : s'il manque, le service ou la messagerie est arrêté.",
}

DELIVERY: Mapping[str, str] = {
    "sent": "envoyé.",
    "partly_sent": "envoyé à une partie des destinataires seulement. Vérifiez chacun d'eux.",
    "readable": "adresse comprise.",
    "address_unreadable": "Apprise ne comprend pas cette adresse. Voyez docs/fr/alertes.md.",
    "address_unverified": "cette adresse éteint la vérification des certificats (verify=no). Retirez-le, et donnez "
    "l'autorité dans alerts.ca_file.",
    "tls_failed": "la connexion chiffrée échoue : autorité inconnue (alerts.ca_file), autre nom, certificat expiré, ou "
    "serveur sans TLS.",
    "login_refused": "le serveur refuse l'identifiant, le mot de passe ou le jeton.",
    "name_unknown": "le nom du serveur est inconnu du DNS.",
    "proxy_failed": "le mandataire (alerts.http_proxy) ne répond pas ou refuse.",
    "connection_failed": "le serveur ne répond pas à cette adresse et à ce port (pare-feu ?).",
    "timeout": "le serveur n'a pas répondu à temps.",
    "redirected": "le serveur renvoie ailleurs. Donnez l'adresse finale (https ?).",
    "refused": "le serveur refuse le message.",
    "failed": "l'envoi a échoué.",
}
"""The outcomes of sending a message, by the codes of `receiver.alerts.send_process`."""

WATCH: Mapping[str, str] = {
    "watch": "prévient par courriel ou messagerie de ce qui ne va pas (alerts) ; run s'en charge",
    "test": "envoie un message d'essai à chaque adresse et dit ce qu'il en est",
    "once": "regarde une fois, envoie ce qui est dû, et s'arrête",
    "line": "alerts.to[{place}] ({scheme}) : {text}",
    "nobody": "Personne à prévenir : alerts.to est vide.",
}
