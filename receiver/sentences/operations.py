"""Operations: failures and retries, erasure, copies of the store, the support archive."""

from collections.abc import Mapping

FAILURES: Mapping[str, str] = {
    "none": "Rien n'échoue.",
    "not_here": "Cette liste est vide, mais tout ne va pas : {codes}. « rdv-receiver status » dit quoi faire.",
    "what": "Quoi",
    "cause": "Cause",
    "calendar": "Calendrier",
    "since": "Depuis le",
    "count": "Nombre",
    "examples": "Exemples",
    "mailbox": "Boîte",
    "event or installation": "Événement, ou autre installation",
    "scope mailbox": "boîtes (réessayées d'elles-mêmes)",
    "scope entry": "entrées (abandonnées)",
    "scope event": "événements (nulle part)",
    "scope server": "serveur (en pause)",
    "until": "Prochain essai",
    "hint": "Une fois la cause réparée : rdv-receiver retry --code CODE. Ce qui ne pourra jamais être écrit : "
    "rdv-receiver forget --event NUMÉRO.",
    "which": "dites quoi relancer : --code, --calendar, --mailbox, --event, ou --all (seul)",
    "retried": "Relancés : {mailboxes} boîte(s), {entries} entrée(s), {events} événement(s), "
    "{servers} serveur(s). Le service les essaie aussitôt. Un compte refusé attend la fin de sa pause de 5 minutes.",
    "nothing_to_retry": "Rien n'échoue de ce qui est nommé : rien n'a été relancé. « rdv-receiver failures » liste ce "
    "qui échoue, avec les codes. --event relance une entrée abandonnée ; une boîte en échec se relance par --mailbox.",
    "unknown_event": "Aucun événement ne porte le numéro ou l'identifiant {event}.",
    "several_events": "Plusieurs événements portent ce numéro ; donnez l'identifiant de l'un d'eux : {uids}",
    "forgotten": "Laissés de côté : {entries} entrée(s), {events} événement(s). Un contenu nouveau les fera reprendre.",
    "would_forget": "Seraient laissés de côté : {entries} entrée(s), {events} événement(s). Rien n'a été changé.",
    "nothing_to_forget": "Rien à laisser de côté : ni échec connu, ni entrée sans doute possible. Une écriture sans "
    "réponse et un retrait ne se laissent pas de côté.",
}

PURGE: Mapping[str, str] = {
    "which": "dites quoi purger : --retention, ou --agent ADRESSE (l'un ou l'autre)",
    "agent": "une adresse électronique ne contient ni blanc ni guillemet, et un seul @",
    "report": "l'effacement d'un agent laisse un rapport : ajoutez --report FICHIER (qui n'existe pas encore)",
    "report_failed": "Le rapport ne peut pas être écrit ({path}) : il existe déjà, ou le dossier manque ou se refuse. "
    "Rien n'a été effacé.",
    "agent_only": "--report, --with-entries et --wait vont avec --agent",
    "progress": "Retrait des entrées",
    "retention": "Lignes purgées (gardées assez longtemps) :",
    "retention_dry_run": "Lignes qui seraient purgées (gardées assez longtemps) :",
    "line": "  {what} : {count}",
    "table events": "absences, plages et événements supprimés",
    "table deliveries": "empreintes de messages reçus",
    "table heartbeats": "signes de vie de processus",
    "table roles": "places dans des organisations",
    "table tallies": "comptes par heure",
    "table writes": "écritures notées",
    "table agents": "fiches d'agent (adresse, identifiant)",
    "table agent_words": "adresses de l'agent, par qui les a dites",
    "table set_aside": "messages mis de côté",
    "table losses": "comptes de retraits par heure",
    "table event_agents": "liens entre l'agent et des rendez-vous, absences ou plages",
    "table placements": "entrées dont nous tenions la trace",
    "table mailboxes": "boîtes (toutes leurs adresses)",
    "table adopted": "entrées relues dans la boîte",
    "table tokens": "libellés de jetons qui nommaient l'agent (les jetons restent)",
    "table rulesets": "anciennes correspondances qui nommaient l'agent",
    "title": "Effacement des données d'un agent",
    "title_dry_run": "Effacement des données d'un agent — ESSAI, RIEN N'A ÉTÉ EFFACÉ",
    "looked_for": "Cherché : {email} (adresse d'agent, actuelle ou dernière connue, et adresse de boîte)",
    "at": "Le : {at}, heure de Paris",
    "by": "Par : rdv-receiver {version}, installation {installation}",
    "mode entries": "Entrées du calendrier Exchange : retirées par le service",
    "mode keep": "Entrées du calendrier Exchange : laissées en place",
    "erased": "Effacé de notre base :",
    "nothing": "  rien : aucune donnée de cet agent n'y est plus",
    "unfinished": "À faire avant que tout soit effacé (puis relancer la même commande, avec un autre fichier) :",
    "remains": "Ce qui demeure, et pourquoi :",
    "item": "  - {text}",
    "busy": "le service écrivait dans une boîte de l'agent : rien n'a été effacé ; relancez dans une minute",
    "removals": "{removals} entrée(s) sont encore à retirer ou à vérifier par le service, et la boîte reste connue "
    "jusque-là. Si la boîte n'existe plus dans Exchange, relancez sans --with-entries",
    "mapped": "la correspondance en vigueur nomme l'agent : retirez-le de la configuration ou du CSV, puis "
    "« rdv-receiver apply-policies »",
    "not_overwritten": "la base était lue au même moment : ce qui est effacé est encore dans le fichier « -wal »",
    "active": "l'agent est, d'après le dernier message, toujours actif dans RDV Service Public : le prochain message "
    "qui le nomme le fera revenir, et ses entrées laissées en place seraient alors doublées",
    "shared": "une boîte de l'agent sert aussi à d'autres agents : elle reste, avec ce qu'ils y ont",
    "entries": "les entrées déjà dans le calendrier Exchange de l'agent : elles sont à lui et à son employeur "
    "(--with-entries les retire)",
    "journal": "les empreintes des messages reçus et les comptes par heure : ils ne disent rien d'un agent ; les "
    "rendez-vous eux-mêmes, sans l'agent",
    "backups": "les sauvegardes de la base faites avant cet effacement : à effacer ou à laisser expirer ; après une "
    "restauration, relancez l'effacement",
    "platform": "RDV Service Public et les journaux d'Exchange : hors de ce programme",
}

BACKUP: Mapping[str, str] = {
    "progress": "Copie de la base",
    "made": "Sauvegarde faite et vérifiée : {path} ({size} Mo, {rows} lignes).",
    "then": "Pour la remettre en service : arrêt, la copie à la place de la base, puis « rdv-receiver adopt » avant "
    "toute écriture (docs/fr/exploitation.md).",
    "exists": "{path} existe déjà : donnez un autre nom, ou --force pour le remplacer.",
    "is_store": "{path} est la base elle-même. Donnez un autre fichier.",
    "is_own": "{path} est un fichier du service (base, journal, verrou, témoin, clé, configuration ou alertes). Donnez "
    "un autre nom.",
    "in_use": "{path} est ouvert par un autre programme, ou l'a été ({path}-wal existe). Donnez un autre nom.",
    "unwritable": "{path} ne peut pas être écrit. Vérifiez que le dossier existe, les droits et la place.",
    "damaged": "La copie n'est pas saine : elle a été jetée. La base est peut-être abîmée : faites une copie de ses "
    "fichiers, service arrêté, et vérifiez le disque.",
    "differs": "La copie n'a pas le même nombre de lignes que la base : elle a été jetée. Relancez.",
    "occupied": "La base d'arrivée n'est pas vide. Donnez-en une autre, ou videz-la.",
    "newer": "La base est d'une version plus récente que ce programme, qui ne saurait pas tout en copier. Lancez la "
    "commande avec le programme de cette version.",
    "not_current": "La base d'arrivée contient des tables d'une autre version du programme. Donnez une base vide.",
    "running": "Le service tourne, ou vient de s'arrêter ({names}). Arrêtez-le et attendez 30 secondes. Avec --force, "
    "ce qu'il écrit pendant et après la copie reste dans l'ancienne base.",
    "no_password": "La variable d'environnement {name} est vide ou absente : elle doit tenir le mot de passe.",
    "target": "La base d'arrivée (--to) ne peut pas être utilisée : {cause}. {cure}",
    "moved": "Tout est copié et compté : {rows} lignes. Mettez dans la configuration, sous store :",
    "moved then": "Puis « rdv-receiver check », et démarrez le service. Gardez l'ancienne base de côté et ne la "
    "remettez pas en service : elle ne sait rien de ce qui suit.",
}

DIAGNOSE: Mapping[str, str] = {
    "title": "Archive de diagnostic de rdv-receiver, du {at}. Elle contient :",
    "configuration.json": "la forme de la configuration : clés, nombres, choix ; ni adresse, ni hôte, ni secret",
    "version.json": "les versions du programme, de Python, du système et des bibliothèques",
    "system.json": "la place du disque de la base, et si l'horloge est synchronisée",
    "store.json": "la sorte de base, sa version, et combien de lignes tient chaque table",
    "status.json": "ce que dit status : troubles, retards, comptes",
    "servers.json": "l'état des serveurs de calendrier, par leur nom dans la configuration",
    "failures.json": "ce qui échoue, par cause et en nombre",
    "tallies.json": "les comptes par heure des 7 derniers jours : messages, refus, écritures",
    "figures.json": "les mesures : certificats, horloges, audits",
    "journal.jsonl": "la fin du journal du service : codes et nombres, sans identifiant de rendez-vous",
    "without": "Adresses, hôtes et secrets sont remplacés par des mots comme adresse-1, les mêmes dans tous les "
    "fichiers. Aucun titre, lieu, usager ni rendez-vous n'y figure.",
    "read": "Relisez ces fichiers avant de les envoyer : ce sont des textes.",
    "made": "Écrit : {path}",
    "unwritable": "{path} ne peut pas être écrit : il existe déjà, ou le dossier manque ou se refuse.",
}
