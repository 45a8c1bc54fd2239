"""Help, and what the commands print."""

from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {
    "bad_text": "il faut un texte lisible, de {longest} caractères au plus",
    "apply-policies": "met en vigueur la correspondance des boîtes et les règles du fichier, même si beaucoup "
    "d'entrées disparaissent",
    "dry-run": "compte ce qui changerait, sans rien changer",
    "mailboxes": "interroge la correspondance entre agents et boîtes",
    "mailboxes unmapped": "liste les agents attendus dont aucune ligne ne dit la boîte",
    "mailboxes check": "essaie chaque boîte comme le fera le service : accès, identité, écriture d'une entrée d'essai "
    "aussitôt retirée",
    "mailboxes check addresses": "boîte à essayer, telle qu'Exchange la connaît",
    "mailboxes check all": "essaie toutes les boîtes connues : mailboxes.map, CSV, et celles de la base",
    "mailboxes check read-only": "n'écrit rien",
    "mailboxes check which": "nommez des boîtes, ou donnez --all (l'un ou l'autre)",
    "program": "Reçoit les webhooks de RDV Service Public et tient à jour les calendriers Exchange des agents.",
    "config": "fichier de configuration (par défaut : $RDV_RECEIVER_CONFIG, sinon {default})",
    "run": "met la base à jour, puis lance serve et worker et les surveille : la commande d'un service",
    "serve": "reçoit les webhooks (sans écrire dans les calendriers)",
    "worker": "écrit dans les calendriers ce qui est dû",
    "migrate": "crée la base ou la met à la version de ce programme",
    "status": "dit comment vont les choses et ce qui ne va pas, d'après la base (sans interroger aucun serveur)",
    "audit": "compare les calendriers à ce qui y a été écrit : entrées manquantes, en double, changées, inexpliquées",
    "audit mailbox": "boîte à lire (option répétable ; par défaut, toutes celles qui ont reçu des entrées)",
    "audit days-back": "jours passés à lire (30)",
    "audit days-ahead": "jours à venir à lire (365)",
    "audit repair": "fait remettre en ordre par le service ce qui peut l'être ; ne supprime rien de lui-même",
    "failures": "liste ce qui échoue, par cause, avec le remède",
    "failures all": "nomme chaque boîte, entrée et événement, et pas seulement des exemples",
    "retry": "fait essayer tout de suite ce qui a échoué, une fois la cause réparée",
    "retry code": "ce qui a échoué pour cette cause (le code que donne failures)",
    "retry calendar": "ce qui a échoué sur ce calendrier",
    "retry mailbox": "ce qui a échoué dans cette boîte",
    "retry event": "cet événement : le numéro qu'affiche RDV Service Public, ou son identifiant",
    "retry all": "tout ce qui a échoué",
    "forget": "laisse de côté une entrée qui ne pourra jamais être écrite : ni essayée, ni montrée, jusqu'à ce que "
    "l'événement change (retry --event la reprend)",
    "forget event": "l'événement : le numéro qu'affiche RDV Service Public, ou son identifiant",
    "forget mailbox": "seulement dans cette boîte",
    "resync": "fait renvoyer par RDV Service Public tout ce qu'il a, puis retire ce qui a disparu sans être annoncé",
    "secrets": "dit quand chaque secret des webhooks a servi pour la dernière fois ; secrets new en fait un autre",
    "purge": "efface ce qui a été gardé assez longtemps, ou tout ce que la base sait d'un agent (RGPD)",
    "purge retention": "ce que le service efface chaque heure : événements supprimés et journal, passé leur délai",
    "purge agent": "l'agent : son adresse dans RDV Service Public, ou celle de sa boîte",
    "purge with-entries": "fait d'abord retirer ses entrées du calendrier par le service",
    "purge report": "le rapport à remettre (texte, ou JSON avec --json) ; le fichier ne doit pas exister",
    "purge wait": "combien de temps attendre que le service ait retiré les entrées (60)",
    "backup": "copie la base dans un fichier, service en marche",
    "backup file": "le fichier à écrire, sur un disque local",
    "backup force": "remplace le fichier s'il existe",
    "migrate-store": "copie la base dans une autre, vide : de SQLite vers PostgreSQL, ou l'inverse (service arrêté)",
    "migrate-store to": "la base d'arrivée, comme store.url : postgresql://utilisateur@hôte/base, sqlite:////chemin/rdv.db",
    "migrate-store password-env": "la variable d'environnement qui tient son mot de passe",
    "migrate-store force": "copie même si le service semble tourner",
    "diagnose": "fait une archive à joindre à une demande d'aide : versions, état, comptes ; ni adresse, ni secret",
    "diagnose file": "l'archive à écrire (par défaut : rdv-diagnostic-DATE.zip, ici)",
    "check": "vérifie la configuration, la base et l'accès aux calendriers, sans rien écrire",
    "mailbox": "boîte à essayer, telle qu'Exchange la connaît (option répétable)",
    "json": "rapport en JSON",
    "help": "affiche cette aide",
    "version": "affiche la version",
    "commands": "commandes",
    "options": "options",
    "arguments": "arguments",
    "usage": "usage : ",
    "configuration_refused": "La configuration n'est pas utilisable : {count} point(s) à corriger.",
    "migrated": "La base est à jour.",
    "migrated_by_newer": "La base est d'une version plus récente que ce programme, qui sait l'utiliser : rien n'a été "
    "changé.",
    "output_lost": "La sortie n'a pas pu être écrite en entier : vérifiez la place là où elle va.",
    "only_appends": "Le compte PostgreSQL de cette machine ne peut qu'ajouter des webhooks "
    "(deploy/postgresql/serve.sql). Lancez cette commande sur la machine du worker.",
    "store_failed": "La base ne peut pas être utilisée : {cause}. {cure}",
}

USAGE: Mapping[str, str] = {
    r"unrecognized arguments: (.*)": r"argument inconnu : \1",
    r"the following arguments are required: (.*)": r"il manque : \1",
    r"argument (.*): invalid choice: (.*) \(choose from .*\)": r"\1 : \2 n'existe pas (voir --help)",
    r"argument (.*): expected (?:one|at least one) argument": r"\1 : il manque une valeur",
    r"argument (.*): not allowed with argument (.*)": r"\1 et \2 ne vont pas ensemble",
    r"ambiguous option: (.*) could match (.*)": r"option ambiguë : \1 (\2)",
}
"""argparse's English sentences (patterns) and ours."""

LEVELS: Mapping[str, str] = {"ok": "OK", "warning": "ATTENTION", "trouble": "ÉCHEC"}
"""The findings of checks."""

COLOURS: Mapping[str, str] = {"ok": "OK", "attention": "ATTENTION", "alarm": "ALARME"}
"""How things go, by `receiver.core.troubles.Colour`."""

CHECK: Mapping[str, str] = {
    "configuration_read": "La configuration est correcte.",
    "store_ready": "La base est ouverte et à jour.",
    "store_room_low": "Il reste {percent} % de place ({mib} Mio) sur le disque de la base. Faites de la place.",
    "store_room_lacking": "Il ne reste que {percent} % de place ({mib} Mio) sur le disque de la base : les webhooks "
    "sont refusés (503), l'émetteur les garde. Faites de la place.",
    "listen_ready": "L'adresse {address} est libre.",
    "listen_ours": "L'adresse {address} est tenue par ce service, qui répond.",
    "listen_perhaps_ours": "Un récepteur répond à l'adresse {address}. La base ne dit pas si c'est ce service. Ne "
    "l'arrêtez pas avant d'avoir lu docs/fr/reprise.md : il peut tenir ouverte la base qui manque.",
    "listen_taken": "L'adresse {address} (web.listen) est déjà prise par un autre programme. « ss -ltnp » le nomme. "
    "Arrêtez-le, ou changez web.listen.",
    "listen_forbidden": "Ce compte n'a pas le droit d'ouvrir {address} (web.listen) : les ports sous 1024 sont "
    "réservés. Prenez un port plus haut, derrière un mandataire inverse.",
    "listen_not_here": "L'adresse {address} (web.listen) n'est pas une adresse de cette machine, ou son nom est "
    "inconnu. « ip address » les montre.",
    "listen_failed": "L'adresse {address} (web.listen) ne peut pas être ouverte : {error}.",
    "service_troubled": "La base s'ouvre, mais tout ne va pas dans le service : {codes}. Voyez « rdv-receiver "
    "status ».",
    "store_not_created": "La base n'existe pas encore ; run ou migrate la créera.",
    "store_not_current": "La base n'est pas à la version de ce programme ; run ou migrate la mettra à jour.",
    "store_too_new": "La base est d'une version plus récente, que ce programme ne sait pas utiliser : rien n'a été "
    "changé. Mettez le programme à jour, ou revenez à la sauvegarde faite avant la mise à jour.",
    "store_not_durable": "Une coupure de courant ferait perdre à PostgreSQL ce qu'il a confirmé : {settings} vaut off. "
    "Remettez ce réglage à on, sinon des webhooks acceptés se perdent.",
    "store_unreachable": "La base ne peut pas être utilisée : {cause}. {cure}",
    "store_server_unverified": "Le mot de passe et les données passent par le réseau jusqu'à {host} sans que ce "
    "serveur soit vérifié. Ajoutez ?sslmode=verify-full à store.url, et sslrootcert si l'autorité est la vôtre.",
    "proxy_on_loopback": "Le mandataire de confiance est sur cette machine ({address}) : tout programme qui y tourne "
    "peut se présenter sous n'importe quel nom, avec le rôle {role}. Mettez-le sur une autre machine, ou entrez par "
    "des jetons.",
    "store_on_network": "La base SQLite est sur un système de fichiers réseau ({kind}), où ses verrous ne sont "
    "pas sûrs. Mettez-la sur un disque local, ou passez à PostgreSQL.",
    "store_gone": "Il n'y a pas de base à cet endroit, et le témoin ou store.installation en connaît une : elle a "
    "disparu. Ne faites pas de base neuve : docs/fr/reprise.md, « La base a disparu ».",
    "store_replaced": "Le fichier qui est à la place de la base ne se laisse pas lire. Vérifiez qu'il est entier, et "
    "ses droits ; puis docs/fr/reprise.md, « La base a disparu ».",
    "store_emptied": "La base qui est là est vide, et le témoin ou store.installation en connaît une. Ne faites pas de "
    "base neuve : docs/fr/reprise.md, « La base a disparu ».",
    "store_another": "La base qui est là est celle d'une autre installation que celle du témoin ou de "
    "store.installation. Vérifiez store.url ; puis docs/fr/reprise.md, « La base a disparu ».",
    "store_log_missing": "La base sert, et son journal (fichiers -wal et -shm) a été supprimé. Arrêtez le service "
    "proprement, sans ouvrir la base autrement, puis redémarrez-le : docs/fr/reprise.md, « La base a disparu ».",
    "marker_none": "Aucun témoin ne dit quelle base est la bonne : une base vidée ou restaurée ne serait pas reconnue. "
    "Donnez un fichier sous store.marker.",
    "marker_beside_store": "Le témoin est dans le dossier de la base ({path}) : il disparaîtrait avec elle. Donnez "
    "sous store.marker un fichier sur un autre disque, ou au moins dans un autre dossier.",
    "marker_unreadable": "Le témoin ne se laisse pas lire ({path}) : rien ne sera écrit dans les calendriers. Vérifiez "
    "ses droits ; puis docs/fr/reprise.md, « Le témoin ».",
    "marker_unwritable": "Le témoin ne peut pas être écrit ({path}) : rien ne sera écrit dans les calendriers. "
    "Vérifiez que son dossier existe, et ses droits.",
    "mailbox_reached": "La boîte est accessible.",
    "mailbox_reached_as": "La boîte est accessible ; son adresse principale est {address}.",
    "mailboxes_left_out": "{count} autres boîtes n'ont pas été essayées. Nommez-en avec --mailbox.",
    "mailbox_needed": "Pour essayer ce serveur, nommez une boîte : check --mailbox agent@departement.example.",
    "folder_ready": "Le dossier existe et se laisse écrire.",
    "folder_missing": "Le dossier n'existe pas : {path}. Créez-le.",
    "folder_not_writable": "Le compte qui lance la commande ne peut pas écrire dans {path}. Vérifiez les droits.",
    "alert_address_ready": "L'adresse d'alerte ({scheme}) est comprise ; « rdv-receiver watch --test » l'essaie.",
    "alert_address_unusable": "L'adresse d'alerte ({scheme}) ne peut pas servir : Apprise ne la comprend pas. Voyez "
    "docs/fr/alertes.md.",
    "source_lost": "{count} événement(s) à venir viennent de cette source, que le fichier n'a plus. Ils gardent ses "
    "règles. Source renommée ? Les webhooks de la nouvelle les reprennent, ou rendez-lui son nom. Retirée ? Leurs "
    "entrées restent et ne changent plus.",
    "calendar_lost": "{count} entrée(s) à venir sont dans ce calendrier, que le fichier n'a plus. Renommé ? Rendez-lui "
    "son ancien nom : sous un autre, tout serait écrit en double. Abandonné ? « rdv-receiver apply-policies » le "
    "confirme, et ces entrées restent où elles sont.",
    "platform_lost": "{count} événement(s) à venir sont de cette plateforme, qu'aucune source du fichier n'a plus. "
    "Renommée ? Rendez-lui son ancien nom : sous un autre, tout serait écrit en double. Abandonnée ? Gardez une "
    "source de cette plateforme dans le fichier, jusqu'à leur fin.",
    "organisation_unlisted": "{count} événement(s) à venir sont de l'organisation {organisation}, qui n'est pas dans "
    "cette liste. Leurs webhooks sont mis de côté (« rdv-receiver held »). Ajoutez-la si elle doit y être : ils sont "
    "alors jugés.",
    "start_at_far": "Rien de ce qui commence avant le {day} n'est écrit. Est-ce la bonne année ?",
    "only_nobody": "Aucun des {count} agents qui ont des événements à venir n'est dans mailboxes.only : rien n'est "
    "écrit pour personne. Vérifiez les motifs.",
    "nothing_mapped": "Aucun agent n'a de boîte : rien ne sera écrit. Remplissez mailboxes.domains, map ou csv.",
}

CHECK_RESULT: Mapping[str, str] = {
    "ok": "Tout est en ordre.",
    "warning": "Rien n'empêche de démarrer ; voyez les lignes « ATTENTION ».",
    "must_change": "Rien n'empêche de démarrer, mais des points sont à corriger : voyez les lignes « ATTENTION ».",
    "trouble": "Des points sont à corriger : voyez les lignes « ÉCHEC ».",
}

STATUS: Mapping[str, str] = {
    "installation": "Installation {id}.",
    "source": "Source {name} : dernier webhook le {at}.",
    "source_never": "Source {name} : aucun webhook reçu.",
    "server": "Serveur {name} : dernière réponse le {at}.",
    "server_waits": "Serveur {name} : rien ne lui est demandé avant le {at} ({code}).",
    "never": "— (jamais)",
    "backlog": "{due} changement(s) à écrire, {unsettled} événement(s) à traiter.",
    "since": ", depuis le {at}",
    "until": "Réparé, cela peut encore s'afficher jusqu'au {at}.",
    "see": "Voir le guide de dépannage : {code}",
    "ok": "Tout va bien.",
    "attention": "ATTENTION : voyez ci-dessus. Cela passe de soi-même, ou peut attendre les heures de bureau.",
    "alarm": "ALARME : voyez ci-dessus. Quelqu'un doit agir.",
}

RULES: Mapping[str, str] = {
    "unchanged": "Ces règles sont déjà en vigueur : rien à changer.",
    "adopted": "Ces règles sont maintenant en vigueur ; les calendriers suivent.",
    "preview": "Rien n'a été changé. Sans --dry-run, ces règles entreraient en vigueur.",
    "counts": "{created} entrées à créer, {updated} à modifier, {removed} à retirer, {kept} inchangées.",
    "orphaned": "ATTENTION : {orphaned} entrées sont dans un calendrier que la configuration n'a plus. Renommé ? "
    "Rendez-lui son ancien nom. Sinon, ces règles attendent que vous les confirmiez par « rdv-receiver "
    "apply-policies » : ces entrées resteraient où elles sont, et seraient en double si le nouveau calendrier est le "
    "même serveur.",
    "orphaned_left": "{orphaned} entrées restent dans un calendrier que la configuration n'a plus : retirez-les à la "
    "main, ou rendez son nom au calendrier.",
    "held": "Une autre version attend déjà une confirmation ({removals} entrées à retirer).",
}

UNMAPPED: Mapping[str, str] = {
    "none": "Chaque agent attendu a une boîte, ou est laissé de côté par la configuration.",
    "heading": "Agents sans boîte (à ajouter dans mailboxes.map, mailboxes.domains ou le CSV) :",
    "line": "{email}  {events} rendez-vous ou absences à venir",
    "odd": "Une adresse inhabituelle est montrée sans ce qui pourrait nuire (« � », ou une apostrophe devant). Avec "
    "--json : l'adresse exacte et, sous key, ce qu'il faut écrire dans mailboxes.map.",
}
