"""Troubles, by `receiver.core.troubles.Code`, and their causes."""

from collections.abc import Mapping
from typing import NamedTuple


class Advice(NamedTuple):
    """A trouble in words."""

    title: str
    """What is wrong, in one line."""
    cure: str
    """What to check and to do."""


TROUBLES: Mapping[str, Advice] = {
    "store_vanished": Advice(
        "La base de données a disparu, ou une autre a pris sa place",
        "{cause} Ne redémarrez pas le service et ne faites pas de base neuve : suivez docs/fr/reprise.md, « La base a "
        "disparu ». Les webhooks sont refusés (503) et l'émetteur les garde ; rien n'est écrit dans les calendriers. "
        "Remise à sa place, la base est reprise sans redémarrage.",
    ),
    "store_unreachable": Advice(
        "La base de données ne peut pas être utilisée",
        "Les webhooks sont refusés et seront renvoyés par l'émetteur : rien n'est perdu.",
    ),
    "store_not_current": Advice(
        "La base de données est d'une version plus ancienne que le programme",
        "Lancez « rdv-receiver migrate », ou redémarrez le service : run s'en charge.",
    ),
    "store_too_new": Advice(
        "La base de données est d'une version trop récente pour ce programme",
        "Un programme plus récent l'a mise à jour. Mettez celui-ci à jour aussi : docs/fr/mise-a-jour.md. Les webhooks "
        "qu'il refuse seront renvoyés par l'émetteur.",
    ),
    "store_behind": Advice(
        "La base est une copie plus ancienne que le témoin : rien n'est écrit avant que les boîtes aient été relues",
        "Quelqu'un a remis une ancienne copie sans « rdv-receiver backup » (cp, instantané, pg_restore). Lancez "
        "« rdv-receiver adopt » ; une re-synchronisation avant adopt apporte ce qui a changé depuis la copie. Les "
        "webhooks sont reçus et gardés. Voir docs/fr/reprise.md.",
    ),
    "must_adopt": Advice(
        "La base peut en savoir moins que les calendriers : rien n'est écrit avant que les boîtes aient été relues",
        "Elle vient d'une sauvegarde, ou remplace une base perdue. Lancez « rdv-receiver adopt ». Les webhooks sont "
        "reçus et gardés ; une re-synchronisation avant adopt apporte ce qui manque à cette base.",
    ),
    "marker_unusable": Advice(
        "Le témoin de la base ne peut pas servir : rien n'est écrit dans les calendriers",
        "{cause} Les webhooks sont reçus et gardés. Réparé, l'écriture reprend aussitôt.",
    ),
    "uninstalled": Advice(
        "L'installation a été retirée : plus rien n'est écrit dans les calendriers",
        "Si c'est voulu, arrêtez le service et supprimez les webhooks chez l'émetteur. Sinon « rdv-receiver uninstall "
        "--undo » remet les entrées des événements que la base connaît.",
    ),
    "dry_run": Advice(
        "Essai à blanc (dry_run) : rien n'est écrit dans les calendriers",
        "Les webhooks sont reçus et gardés. L'essai fini, mettez dry_run: false et rechargez le service : ce qui "
        "attend est alors écrit.",
    ),
    "configuration_refused": Advice(
        "{subject} tourne encore avec l'ancienne configuration : la nouvelle a été refusée",
        "{cause} Au prochain démarrage, ce processus ne démarrerait pas. « rdv-receiver check » nomme chaque faute. "
        "Corrigez, puis « systemctl reload rdv-receiver » (un CSV corrigé est relu de lui-même).",
    ),
    "token_key_unusable": Advice(
        "La clé des jetons ne peut pas servir : les pages et l'API n'ouvrent à personne, ou plus au prochain démarrage",
        "{cause} Les webhooks sont reçus et écrits.",
    ),
    "watch_silent": Advice(
        "Plus rien n'envoie les alertes",
        "Personne n'est prévenu de rien. Le processus watch ne donne plus signe de vie. Regardez « systemctl status "
        "rdv-receiver » et le journal, puis redémarrez le service. Où serve et worker ont chacun leur machine, les "
        "alertes ont leur unité : « systemctl enable --now rdv-receiver-watch », à côté du worker.",
    ),
    "alerts_failing": Advice(
        "Les alertes n'arrivent pas à l'adresse {subject}",
        "Qui lit cette adresse n'est prévenu de rien. « rdv-receiver watch --test » dit ce qui ne va pas. Réparé, cela "
        "s'efface à l'essai suivant, dans le quart d'heure ; « systemctl reload » essaie aussitôt.",
    ),
    "web_silent": Advice(
        "Plus rien ne reçoit les webhooks",
        "Le processus serve ne donne pas signe de vie. Les émetteurs gardent les webhooks quelques jours. Regardez "
        "« systemctl status rdv-receiver » et le journal (une adresse déjà prise ?), puis redémarrez le service.",
    ),
    "worker_silent": Advice(
        "Plus rien n'écrit dans les calendriers",
        "Le processus worker ne donne plus signe de vie. Regardez « systemctl status rdv-receiver » et le journal, "
        "puis redémarrez le service.",
    ),
    "worker_restarting": Advice(
        "Ce qui écrit dans les calendriers s'arrête sans cesse : {count} fois en une heure",
        "Les webhooks sont reçus et gardés. Le processus worker est relancé à chaque fois, après une pause. Le journal "
        "dit pourquoi il s'arrête : « calls_stuck », mémoire épuisée, ou une erreur du programme à signaler. Réparé, "
        "cela s'efface en une heure.",
    ),
    "server_failing": Advice("Le serveur {subject} est en échec", "{cause}"),
    "server_waiting": Advice(
        "Rien n'est demandé au serveur {subject} pour le moment : il a demandé une pause",
        "Il n'y a rien à faire : la pause finit d'elle-même, en 10 minutes au plus, et ce qui attend est alors écrit. "
        "Si elles se suivent, voyez connections, et la ThrottlingPolicy du compte de service.",
    ),
    "mailboxes_failing": Advice("{count} boîte(s) en échec sur {subject}", "{cause}"),
    "other_installation": Advice(
        "Entrées d'une autre installation dans {count} boîte(s) de {subject} : rien n'y est écrit",
        "Autre installation : {cause}. Sa base est perdue ? « rdv-receiver adopt --from ID » reprend ses entrées là où "
        "elles sont. C'était un essai ? « rdv-receiver uninstall --installation ID » les retire. Elle peut rester à "
        "côté de celle-ci ? Nommez-la sous store.neighbours, puis systemctl reload. L'écriture reprend aussitôt. Si "
        "ses entrées ont été retirées autrement : « rdv-receiver retry --code other_installation ».",
    ),
    "entries_failing": Advice("{count} entrée(s) refusée(s) sur {subject}", "{cause}"),
    "entries_retried": Advice(
        "{count} entrée(s) toujours refusée(s) sur {subject}, encore réessayée(s)",
        "{cause} Elles sont réessayées d'elles-mêmes, toutes les 15 minutes au plus tard. « rdv-receiver retry » les "
        "essaie aussitôt.",
    ),
    "events_failing": Advice("{count} événement(s) impossible(s) à montrer", "{cause}"),
    "changes_late": Advice(
        "Des changements attendent trop longtemps d'être écrits",
        "Si un serveur ou des boîtes sont en échec, commencez par là. Sinon Exchange est lent ou limite le débit : "
        "voyez connections, et la ThrottlingPolicy du compte de service.",
    ),
    "rules_held": Advice(
        "De nouvelles règles retireraient {count} entrées : elles attendent une confirmation",
        "Comptez avec « rdv-receiver apply-policies --dry-run ». Si c'est voulu, « rdv-receiver apply-policies » ; "
        "sinon corrigez la configuration ou le CSV.",
    ),
    "calendar_lost": Advice(
        "{count} entrée(s) à venir dans le calendrier {subject}, que la configuration n'a plus",
        "Renommé ? Rendez-lui son ancien nom sous calendars, puis systemctl reload : sous un autre nom, tout serait "
        "écrit en double. Abandonné ? « rdv-receiver apply-policies » le confirme ; ces entrées restent où elles sont, "
        "et ceci s'efface quand elles sont passées.",
    ),
    "source_lost": Advice(
        "{count} événement(s) à venir de la source {subject}, que la configuration n'a plus",
        "Retirée par erreur ? Rendez-lui son nom sous sources, puis systemctl reload : ce que l'émetteur envoie à son "
        "adresse est refusé (404). Renommée ? L'adresse déclarée chez l'émetteur doit porter le nouveau nom ; ensuite "
        "« rdv-receiver resync » efface ceci. Abandonnée ? Leurs entrées restent comme elles sont, et ceci s'efface "
        "quand elles sont passées.",
    ),
    "platform_lost": Advice(
        "{count} événement(s) à venir de la plateforme {subject}, qu'aucune source n'a plus",
        "Renommée ? Rendez-lui son ancien nom (platform, sous sources), puis systemctl reload : sous un autre nom, "
        "tout serait écrit en double. Les webhooks d'une plateforme jamais vue sont donc refusés (503), et renvoyés. "
        "Abandonnée ? Gardez une source de cette plateforme dans la configuration jusqu'à leur fin.",
    ),
    "out_of_scope": Advice("{count} webhook(s) de {subject} hors de la portée de leur secret", "{cause}"),
    "webhooks_held": Advice(
        "{count} suppression(s) ou réaffectation(s) de {subject} en attente d'une décision",
        "Trop d'entrées auraient disparu d'un coup : elles restent dans les calendriers. « rdv-receiver held » les "
        "nomme. Si RDV Service Public les confirme, « rdv-receiver held release » ; sinon « rdv-receiver held drop ».",
    ),
    "cancellations_marked": Advice(
        "{count} annulation(s) de {subject} visible(s) « ANNULÉ », en attente d'une décision",
        "Beaucoup de rendez-vous ont été annulés d'un coup : leurs entrées restent, libres. Si c'est voulu, "
        "« rdv-receiver held release --reason cancellation --all » les retire.",
    ),
    "agents_unmapped": Advice(
        "{count} agent(s) attendu(s) sans boîte",
        "« rdv-receiver mailboxes unmapped » les nomme. Ajoutez-les dans mailboxes.map, mailboxes.domains ou le CSV ; "
        "leurs rendez-vous arrivent aussitôt.",
    ),
    "signatures_refused": Advice(
        "{count} signatures fausses en 24 h sur {subject}",
        "Le secret a sans doute changé d'un seul côté. Comparez celui de l'émetteur et celui de la configuration ; les "
        "deux peuvent valoir ensemble pendant un changement. Les heures comptent entières, un jour durant ; "
        "« rdv-receiver secrets » montre avant cela que le bon secret sert.",
    ),
    "webhooks_refused": Advice("{count} webhook(s) refusé(s) en 24 h sur {subject}", "{cause}"),
    "address_unknown": Advice(
        "{count} webhook(s) en 24 h vers une adresse qu'aucune source n'a",
        "{cause}",
    ),
    "backlog_high": Advice(
        "Trop de webhooks attendent d'être traités",
        "Au-delà de web.backlog_limit ils sont refusés (503), et renvoyés par l'émetteur. Le worker tourne-t-il ? "
        "Regardez « systemctl status rdv-receiver », puis la charge de la machine et de la base.",
    ),
    "source_silent": Advice(
        "Plus aucun webhook de {subject} depuis longtemps",
        "Vérifiez chez l'émetteur que le webhook existe encore, et que l'adresse publique mène ici (pare-feu, "
        "certificat, mandataire inverse).",
    ),
    "certificate_expiring": Advice(
        "Le certificat de {subject} expire dans {count} jour(s)",
        "Prévenez l'administrateur d'Exchange. Passé ce jour, plus rien ne s'écrit.",
    ),
    "disk_low": Advice(
        "Il reste {count} % de place sur le disque de la base",
        "Faites de la place. Disque plein, les webhooks sont refusés (l'émetteur les renverra) et rien ne s'écrit.",
    ),
    "clock_off": Advice(
        "L'horloge de ce serveur et celle de {subject} diffèrent de plus de 2 minutes",
        "Vérifiez la synchronisation (timedatectl, chronyc tracking). Une horloge en retard fait refuser les webhooks.",
    ),
    "calendars_differ": Advice(
        "{count} écart(s) entre les calendriers et ce qui est attendu",
        "{cause} Ce compte est celui du dernier audit. Après une réparation, « rdv-receiver audit » le met à jour ; "
        "sinon l'audit de la nuit.",
    ),
}
"""Troubles, by `receiver.core.troubles.Code`. `{cause}` is the sentence of the cause."""

MEANWHILE: Mapping[str, str] = {
    "store_corrupt": "Les webhooks sont refusés, et l'émetteur les renverra, dès que le service a vu le dommage : dix "
    "minutes au plus. Ceux qu'il a pris d'ici là sont dans la base endommagée : une fois la base restaurée, "
    "« rdv-receiver resync » les redemande.",
}
"""What happens to webhooks during `store_unreachable`, by cause, if that is not what its cure says."""

VANISHED: Mapping[str, Advice] = {
    "store_log_missing": Advice(
        "Le journal de la base (-wal, -shm) a été supprimé pendant qu'elle servait",
        "Arrêtez le service proprement (systemctl stop rdv-receiver, jamais kill -9), puis redémarrez-le : à l'arrêt, "
        "ce qui est encore dans le journal est écrit dans la base. D'ici là n'ouvrez la base avec aucun autre "
        "programme. Les webhooks sont refusés (503) et l'émetteur les garde ; rien n'est écrit dans les calendriers. "
        "Voir docs/fr/reprise.md, « La base a disparu ».",
    ),
}
"""The sentence of `store_vanished` by cause, if the cure is a restart."""

ALL_IGNORED: Mapping[str, Advice] = {
    "organisation": Advice(
        "{count} webhook(s) ignoré(s) en 24 h sur {subject}, et aucun pris",
        "Leurs organisations ne sont pas dans la liste organisations de la source, et l'émetteur ne les renvoie pas. "
        "Corrigez la liste, puis lancez « rdv-receiver resync ». Le premier webhook pris efface ceci.",
    ),
    "model": Advice(
        "{count} webhook(s) ignoré(s) en 24 h sur {subject}, et aucun pris",
        "Ils ne concernent aucun calendrier (usagers, motifs...). Cochez chez l'émetteur Rdv, Absence et Agent. Le "
        "premier webhook pris efface ceci.",
    ),
}
"""Of `webhooks_refused`, where a source has taken nothing yet."""

CAUSES: Mapping[str, str] = {
    "file": "Le fichier de configuration a une faute.",
    "csv": "Le CSV des boîtes (mailboxes.csv) ne peut pas être lu, ou a une faute.",
    "unforeseen": "Un défaut de ce programme a empêché de les prendre : signalez-le avec le journal. L'émetteur les "
    "garde et les renvoie.",
    "store_gone": "Il n'y a pas de fichier à l'endroit de la base : il a été supprimé ou déplacé, ou son disque n'est "
    "pas monté.",
    "store_replaced": "Un autre fichier est à la place de la base, ou il ne se laisse pas lire : vérifiez qu'il est "
    "entier et que le compte du service peut le lire et l'écrire.",
    "store_emptied": "La base qui est là est vide.",
    "store_another": "La base qui est là est celle d'une autre installation.",
    "store_log": "Une copie a été mise à côté du journal de la base disparue (fichiers -wal et -shm), qui serait pris "
    "pour le sien. Mettez ces deux fichiers de côté.",
    "store_log_missing": "Le journal de la base (fichiers -wal et -shm, à côté d'elle) a été supprimé ou déplacé "
    "pendant qu'elle servait.",
    "marker_unreadable": "Son fichier (store.marker) ne se laisse pas lire, ou ne contient pas ce qu'il doit. Vérifiez "
    "ses droits ; s'il est abîmé, voyez docs/fr/reprise.md, « Le témoin ».",
    "marker_unwritable": "Le compte du service ne peut pas écrire son fichier (store.marker) : vérifiez que le dossier "
    "existe, ses droits, et la place sur son disque.",
    "payload": "Des messages bien signés n'ont pas la forme attendue : l'émetteur a sans doute changé. L'émetteur les "
    "garde et les renvoie ; mettez ce programme à jour, ou signalez-le.",
    "age": "Des messages sont trop vieux, ou viennent du futur. Vérifiez l'horloge de ce serveur (timedatectl).",
    "secret_organisation": "Un secret réservé à certaines organisations signe pour une autre. Corrigez organisations "
    "sous secrets, ou le secret chez l'émetteur.",
    "other_organisation": "Un secret a signé pour une organisation qui n'est pas la sienne, ou que la source ne liste "
    "pas : rien n'a été changé, et ces webhooks sont gardés. « rdv-receiver held » les nomme. Corrigez organisations, "
    "sous la source ou sous secrets, ou le secret chez l'émetteur : ils sont alors jugés de nouveau. Sinon décidez "
    "avec held release ou held drop.",
    "set_aside_full": "Un secret a signé pour une organisation qui n'est pas la sienne, si souvent que les 1 000 "
    "premiers webhooks seuls sont gardés : les suivants ont été écartés. Corrigez organisations sous "
    "secrets, ou le secret chez l'émetteur, puis lancez « rdv-receiver resync ». « rdv-receiver held » nomme ceux qui "
    "sont gardés.",
    "never_heard": "Et une source n'a jamais rien reçu. L'adresse chez l'émetteur est sans doute fausse : elle est "
    "/webhooks/<nom de la source>, tel que dans la configuration, en minuscules. Corrigez-la. Le premier webhook de "
    "cette source efface ceci.",
    "signed_elsewhere": "Un secret connu les a bien signés : ce sont ceux d'un émetteur, et ils ne sont pas pris. "
    "L'adresse chez l'émetteur est fausse, ou le mandataire inverse en change le chemin : ici elle est "
    "/webhooks/<nom de la source>, en POST, sans rien devant. Corrigez-la. L'émetteur renvoie pendant 6 jours ce qui a "
    "été refusé ; au-delà, « rdv-receiver resync ».",
    "signed_unknown": "Ils sont signés, par un secret inconnu ici. Une source a-t-elle été retirée ou renommée ? "
    "Remettez-la, ou supprimez ce webhook chez l'émetteur.",
    "too_large": "Des messages dépassent 8 Mio : ce ne sont sans doute pas ceux de l'émetteur.",
    "unsupported_media_type": "Des messages ne sont pas en JSON : ce ne sont sans doute pas ceux de l'émetteur, ou un "
    "mandataire les transforme.",
    "missing": "Des entrées manquent. « rdv-receiver audit » les nomme, « rdv-receiver audit --repair » les remet.",
    "doubled": "Des entrées sont en double. « rdv-receiver audit » les nomme ; une copie faite par un agent lui reste.",
    "foreign": "Des entrées ont été changées dans Outlook. « rdv-receiver audit --repair » les rétablit.",
    "orphaned": "Des entrées ne correspondent à rien de connu ici. Voyez-les avec "
    "« rdv-receiver audit » ; elles se retirent à la main dans Outlook.",
    "recurrence_not_holdable": "Exchange ne sait pas tenir exactement cette répétition (par exemple le 31 de chaque "
    "mois, ou chaque cinquième lundi). Rien n'est montré, plutôt qu'une série fausse. Simplifiez-la dans RDV Service "
    "Public.",
    "recurrence_exceptions": "La plateforme dit que cette série a des exceptions (EXDATE, EXRULE, RDATE ou "
    "RECURRENCE-ID), et elles ne s'écrivent pas avec la série. Rien n'est montré, plutôt qu'une série fausse. Dans RDV "
    "Service Public, faites-en plusieurs séries sans exception.",
    "recurrence_in_gap": "La première occurrence de cette série tombe dans l'heure qui n'existe pas, la nuit du "
    "passage à l'heure d'été : Exchange décalerait toutes les suivantes. Rien n'est montré, plutôt qu'une série "
    "fausse. Faites-la commencer un autre jour dans RDV Service Public.",
    "undecidable": "Un défaut de ce programme empêche de traiter ces événements : signalez-le avec le journal.",
    "not_settled": "Un défaut de ce programme empêche de traiter ces événements. Ils sont mis de côté, les autres "
    "passent. Ils sont réessayés à leur prochain changement et au prochain démarrage du worker. Signalez-le avec le "
    "journal.",
}
"""Causes of troubles, in addition to the codes of `CALENDAR`."""

UNKNOWN = "erreur non répertoriée ({code})."
