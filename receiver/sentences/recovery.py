"""What `adopt` and `uninstall` print."""

from collections.abc import Mapping

RECOVERY_HELP: Mapping[str, str] = {
    "migrate recover": "fait une base neuve pour une installation dont la base est perdue : celle que disent le témoin "
    "ou store.installation. Rien n'est écrit avant adopt",
    "adopt": "relit dans les boîtes les entrées de cette installation, après la perte de la base ou le retour à une "
    "sauvegarde",
    "adopt mailbox": "boîte à lire en plus de celles que la base et la configuration connaissent (option répétable)",
    "adopt without": "boîte à laisser de côté parce qu'elle n'existe plus (option répétable)",
    "adopt installation": "identifiant de l'installation dont la base est perdue (voir status, ou une sauvegarde)",
    "adopt from": "identifiant d'une autre installation, dont les entrées deviennent les nôtres là où elles sont",
    "adopt days-back": "jours passés à lire (400)",
    "adopt days-ahead": "jours à venir à lire (800) ; avec --from, tous",
    "adopt dry-run": "compte ce qui serait repris, sans rien changer",
    "uninstall": "retire pour de bon toutes les entrées de cette installation de toutes les boîtes",
    "uninstall mailbox": "boîte à vider en plus de celles de la base (option répétable)",
    "uninstall installation": "retire les entrées d'une autre installation, par son identifiant ; le service continue",
    "uninstall yes": "retire vraiment ; sans cette option, la commande ne fait que compter",
    "uninstall undo": "revient en arrière : le service écrit de nouveau, et remet les entrées de ce "
    "que la base connaît",
}

RECOVER: Mapping[str, str] = {
    "unknown": "Ni le témoin ni store.installation ne disent quelle installation reprendre. Lancez « rdv-receiver "
    "migrate », puis « rdv-receiver adopt --installation ID ».",
    "occupied": "Il y a déjà une base à cette adresse : rien n'a été changé. Déplacez-la d'abord, elle et les fichiers "
    "-wal et -shm à côté d'elle.",
    "made": "Une base neuve est faite pour l'installation {installation}. Rien n'est écrit dans les calendriers avant "
    "« rdv-receiver adopt ».",
}

ADOPT: Mapping[str, str] = {
    "progress": "Boîtes lues",
    "none": "Aucune boîte à lire : ni la base ni la configuration n'en connaît. Nommez-les avec --mailbox, ou lancez "
    "d'abord une re-synchronisation, qui fera connaître les agents.",
    "installation": "{installation} n'est pas un identifiant d'installation (36 caractères, comme le montre status).",
    "worker_runs": "Un worker tourne encore, ou vient de s'arrêter : il écrirait encore sous l'identifiant de cette "
    "base. Arrêtez le service (systemctl stop rdv-receiver), attendez 20 secondes, puis relancez la commande.",
    "pinned": "La configuration dit une autre installation sous store.installation. Corrigez-la, puis relancez la "
    "commande.",
    "entries_stand": "Cette base a déjà écrit des entrées sous son propre identifiant. Retirez-les d'abord avec "
    "« rdv-receiver uninstall --yes », puis relancez la commande.",
    "from_ourselves": "C'est l'identifiant de cette installation : ses entrées sont déjà les nôtres. Après la perte ou "
    "le retour d'une base, c'est « rdv-receiver adopt » sans --from.",
    "from_unread": "Cette base vient d'une sauvegarde ou remplace une base perdue, et les boîtes n'ont pas été relues. "
    "Lancez d'abord « rdv-receiver adopt » sans --from.",
    "mailbox": "Boîte",
    "finding": "Constat",
    "event": "Événement",
    "details": "Détails",
    "doubled": "en double",
    "lost": "absente",
    "changed": "différente",
    "left": "inexpliquée",
    "beside": "à côté de la nôtre",
    "same_as": "une même boîte",
    "doubled details": "{count} entrées ; une seule est reprise, aucune n'est retirée",
    "lost details": "cherchée de nouveau dans un jour, ou dès qu'un message en parle",
    "changed details": "récrite dans un jour, ou dès qu'un message en parle",
    "left details": "copie d'un événement supprimé ; laissée",
    "beside details": "celle de l'autre installation reste ; « uninstall --installation » la retire",
    "same_as details": "lue sous son adresse principale, {address}",
    "result": "{mailboxes} boîte(s) lue(s) : {kept} entrée(s) déjà connue(s), {adopted} reprise(s), {lost} absente(s), "
    "{changed} différente(s), {doubled} en double, {left} inexpliquée(s) ; {untried} boîte(s) non lue(s).",
    "waiting": "{count} entrée(s) attendent leur événement : une re-synchronisation, ou le prochain webhook, le fera "
    "connaître. Elles ne sont ni retirées ni doublées.",
    "may_write": "Toutes les boîtes ont été lues : le service peut écrire.",
    "taken": "Toutes les boîtes ont été lues : ces entrées sont les nôtres, et l'écriture reprend aussitôt.",
    "uninstalled": "Toutes les boîtes ont été lues. L'installation a été retirée : rien ne sera écrit avant "
    "« rdv-receiver uninstall --undo ».",
    "must_adopt": "Des boîtes n'ont pas été lues : rien ne sera écrit avant un adopt complet. Réglez ce qui est en "
    "ÉCHEC, puis relancez ; --without laisse de côté une boîte qui n'existe plus.",
    "partial": "Des boîtes n'ont pas été lues : relancez la commande quand ce qui est en ÉCHEC est réglé.",
    "dry-run": "Rien n'a été changé.",
}

UNINSTALL: Mapping[str, str] = {
    "progress": "Boîtes vidées",
    "none": "Aucune boîte n'a jamais reçu d'entrée.",
    "mailbox": "Boîte",
    "finding": "Constat",
    "entries": "Entrées",
    "counted": "à retirer",
    "emptied": "vidée",
    "remaining": "{count} entrée(s) ne se laissent pas retirer",
    "unsure": "une écriture restée sans réponse peut encore y arriver : relancez dans un quart d'heure",
    "counted result": "{entries} entrée(s) dans {mailboxes} boîte(s) ; {untried} boîte(s) non lue(s). Rien n'a été "
    "changé : « rdv-receiver uninstall --yes » les retire.",
    "counted result of another": "{entries} entrée(s) de l'installation {installation} dans {mailboxes} boîte(s) ; "
    "{untried} boîte(s) non lue(s). Rien n'a été changé. Si cette installation tourne encore, arrêtez-la d'abord : "
    "elle les remettrait. « rdv-receiver uninstall --installation {installation} --yes » les retire.",
    "result": "{entries} entrée(s) retirée(s) de {mailboxes} boîte(s) ; {untried} boîte(s) non vidée(s).",
    "done": "Plus aucune entrée de cette installation. Le service n'écrit plus rien ; « uninstall --undo » revient en "
    "arrière.",
    "done of another": "Plus aucune entrée de l'autre installation dans ces boîtes. Le service y écrit aussitôt.",
    "ourselves": "C'est l'identifiant de cette installation. Pour retirer ses entrées, lancez « rdv-receiver "
    "uninstall » sans --installation.",
    "undo_of_another": "--undo ne défait que le retrait de cette installation ; il ne va pas avec --installation.",
    "again": "Relancez la commande quand ce qui est en ÉCHEC est réglé.",
    "undone": "Le service écrit de nouveau : les entrées à venir des événements que la base connaît reviennent. "
    "« rdv-receiver resync » apporte les autres.",
    "not_uninstalled": "Rien à défaire : cette installation n'a pas été retirée.",
    "unconfigured": "{count} boîte(s) d'un serveur qui n'est plus dans calendars n'ont pas été vues.",
    "dry_run": "La configuration dit dry_run : la commande ne fait que compter.",
}
