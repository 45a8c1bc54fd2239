"""Failures and findings of calendar servers and mailboxes."""

from collections.abc import Mapping

CALENDAR: Mapping[str, str] = {
    "connection_failed": "Le serveur ne répond pas à cette adresse. Vérifiez le nom, le pare-feu et que le service "
    "EWS tourne.",
    "tls_failed": "La connexion chiffrée a échoué : certificat expiré, autre nom, ou autorité inconnue. Indiquez "
    "l'autorité du département avec ca_file ; la vérification ne se désactive pas.",
    "unauthorized": "Le serveur refuse le compte de service. Vérifiez username (« DOMAINE\\compte » ou UPN), le mot "
    "de passe (expiré ? compte verrouillé ?) et auth. Il n'est réessayé que toutes les 5 minutes, pour ne pas le "
    "verrouiller.",
    "auth_not_offered": "Le serveur n'accepte pas cette façon de s'authentifier. Changez auth, ou activez-la sur le "
    "répertoire virtuel EWS (Get-WebServicesVirtualDirectory).",
    "kdc_unreachable": "Aucun contrôleur de domaine Kerberos ne répond. Vérifiez /etc/krb5.conf, le DNS et le port 88.",
    "keytab_refused": "Le domaine n'accepte pas le keytab. Vérifiez username (le principal, « compte@DOMAINE ») ; si "
    "le mot de passe du compte a changé depuis, refaites le keytab.",
    "service_unknown": "Le domaine ne connaît pas le service HTTP de ce serveur. Vérifiez l'hôte de server, et le SPN "
    "« HTTP/hôte » du compte ASA d'Exchange (setspn -Q HTTP/hôte).",
    "clock_skew": "L'horloge de cette machine et celle du domaine diffèrent trop. Synchronisez-la (timedatectl, "
    "chronyc tracking).",
    "forbidden": "Le serveur reconnaît le compte mais lui interdit EWS. Vérifiez EwsEnabled et "
    "EwsApplicationAccessPolicy, et qu'aucun proxy ne bloque.",
    "not_ews": "La réponse ne vient pas d'EWS (page de connexion, proxy ou autre chemin). Vérifiez server, d'ordinaire "
    "https://…/EWS/Exchange.asmx.",
    "server_busy": "Exchange limite le débit ou est surchargé. Il sera réessayé ; au besoin, baissez connections ou "
    "donnez au compte une ThrottlingPolicy.",
    "server_error": "Exchange a répondu par une erreur interne. Regardez ses journaux ; il sera réessayé.",
    "timeout": "Pas de réponse dans le délai. Vérifiez la charge du serveur et le réseau, ou augmentez timeout_s.",
    "connection_lost": "La connexion a été coupée pendant l'appel. Vérifiez le réseau et les pare-feu ; il sera "
    "réessayé.",
    "connections_busy": "Toutes les connexions sont prises depuis trop longtemps. Vérifiez la charge d'Exchange ; au "
    "besoin, augmentez connections.",
    "answer_incomplete": "La réponse d'Exchange est incomplète. Il sera réessayé ; vérifiez un éventuel proxy.",
    "directory_unavailable": "Exchange n'atteint pas l'Active Directory. Regardez ses journaux ; il sera réessayé.",
    "version_mismatch": "Le serveur ne parle pas cette version d'EWS. Corrigez version.",
    "mailbox_unavailable": "La base de la boîte est indisponible (bascule, maintenance). Il sera réessayé.",
    "mailbox_in_use": "Le service est en train d'écrire dans cette boîte. Relancez la commande dans quelques minutes.",
    "mailbox_not_found": "Aucune boîte à cette adresse. Vérifiez l'adresse et la correspondance sous mailboxes.",
    "impersonation_denied": "Le compte de service n'a pas le droit d'emprunt d'identité sur cette boîte. Donnez-lui "
    "le rôle ApplicationImpersonation, avec une portée qui couvre la boîte.",
    "access_denied": "Le compte de service n'a pas accès à ce calendrier. En access: delegate, donnez-lui l'accès "
    "complet à la boîte ou les droits d'éditeur sur le calendrier.",
    "call_stuck": "Un appel pour cette boîte n'est jamais revenu. Elle est laissée de côté un moment, puis réessayée ; "
    "si cela dure, regardez les journaux d'Exchange et du pare-feu.",
    "private_hidden": "Le compte délégué ne voit pas les éléments privés de cette boîte : il ne retrouverait pas ses "
    "propres entrées. Donnez-lui ce droit (Set-MailboxFolderPermission, CanViewPrivateItems), ou passez en access: "
    "impersonation.",
    "mailbox_moving": "La boîte est en cours de déplacement. Réessayez quand la migration est finie.",
    "other_installation": "La boîte porte des entrées à venir d'une autre installation : rien n'y est écrit, tout y "
    "serait en double. Reprenez-les (rdv-receiver adopt --from), retirez-les (rdv-receiver uninstall --installation), "
    "ou nommez cette installation sous store.neighbours ; retirées autrement, lancez rdv-receiver retry.",
    "quota_exceeded": "La boîte est pleine. L'agent doit faire de la place, ou son quota être relevé.",
    "folder_not_found": "Cette boîte n'a pas de calendrier accessible. Ouvrez-la une fois avec Outlook ou OWA, et "
    "vérifiez les droits.",
    "item_not_found": "L'entrée n'est plus là où elle avait été écrite ; elle sera recherchée.",
    "not_judged": "Un webhook accepté n'a pas pu être compris. Il est gardé, et relu au prochain démarrage du worker. "
    "Installez la version suivante ; si cela dure, envoyez l'archive de diagnose avec ce code.",
    "item_busy": "L'entrée est utilisée en même temps par un autre programme. Il sera réessayé.",
    "item_unreadable": "Une entrée ne peut pas être relue : elle a été abîmée, ou le serveur en cache une partie. Il "
    "sera réessayé ; si cela dure, signalez-le avec ce code.",
    "unsupported_time_zone": "Le serveur ne connaît pas le fuseau horaire de cet événement. Vérifiez time_zone de la "
    "source, et le fuseau du rendez-vous dans RDV Service Public.",
    "unsupported_recurrence": "Exchange ne peut pas tenir cette répétition, par exemple si une occurrence commence "
    "avant la fin de la précédente. Simplifiez-la dans RDV Service Public.",
    "invalid_item": "Exchange refuse cette entrée. C'est un défaut de ce programme : signalez-le avec ce code.",
    "invalid_request": "Exchange refuse cette demande. C'est un défaut de ce programme : signalez-le avec ce code.",
    "storage_failed": "Le dossier des calendriers ne peut pas être lu ou écrit (disque, montage réseau). Vérifiez-le ; "
    "il sera réessayé.",
    "refused": "Exchange refuse cette demande. C'est un défaut de ce programme : signalez-le avec ce code.",
}
"""Failures of a calendar, by the connector's code."""

INSTALLATIONS = "Autre installation : {names}."
"""After the sentence of `other_installation`."""

TLS: Mapping[str, str] = {
    "tls_trusted": "Le certificat est reconnu (autorité « {issuer} ») ; il expire le {expires}, dans {days} jours.",
    "tls_expiring": "Le certificat expire le {expires}, dans {days} jours. Faites-le renouveler : passé ce jour, plus "
    "rien ne s'écrit.",
    "tls_untrusted": "Le certificat est signé par « {issuer} », que rien ne relie à une autorité connue d'ici. "
    "Indiquez le certificat racine du département avec ca_file ; s'il y est déjà, le serveur n'envoie pas le "
    "certificat intermédiaire : installez-le sur Exchange.",
    "tls_self_signed": "Le certificat est signé par lui-même (« {issuer} »). Faites-en signer un par l'autorité du "
    "département, ou donnez ce certificat-là avec ca_file.",
    "tls_name_mismatch": "Le certificat n'est pas pour cet hôte, mais pour : {names}. Mettez un de ces noms dans "
    "server, ou faites refaire le certificat.",
    "tls_expired": "Le certificat a expiré le {expires}. Faites-le renouveler sur le serveur Exchange.",
    "tls_not_yet_valid": "Le certificat n'est pas encore valable. Vérifiez l'horloge de cette machine (timedatectl).",
    "tls_absent": "Ce port répond, mais sans TLS. Vérifiez le port de server (d'ordinaire 443) et la liaison https "
    "d'IIS.",
    "tls_too_old": "Le serveur ne propose que des versions périmées de TLS. Activez TLS 1.2 sur Exchange.",
    "tls_refused": "La négociation TLS échoue. Vérifiez la liaison https d'IIS, le certificat (chaîne, usage, clé) et "
    "les équipements intermédiaires.",
    "tls_ca_file_unreadable": "Le fichier ca_file ne peut pas être lu comme des certificats PEM. Refaites-le.",
    "host_unknown": "Le DNS ne connaît pas l'hôte de server. Vérifiez son orthographe et /etc/resolv.conf.",
    "port_closed": "L'hôte existe mais refuse la connexion sur ce port. Vérifiez le port, et qu'IIS tourne.",
    "host_unreachable": "Aucune réponse de l'hôte sur ce port. Vérifiez le routage et les pare-feu.",
}
"""Findings about the connection to a server and its certificate."""

MAILBOXES_CHECK: Mapping[str, str] = {
    "mailbox_written": "Écriture, modification, recherche et suppression réussies.",
    "leftovers_removed": "{count} entrée(s) d'un essai interrompu retirée(s).",
    "mailbox_named_otherwise": "Cette adresse mène à la boîte {address} (alias, ou adresse changée). Vérifiez que "
    "c'est bien la bonne, et mettez cette adresse dans mailboxes.",
    "mailbox_twice": "La même boîte figure aussi sous : {others}. Les entrées n'y seront écrites qu'une fois ; gardez "
    "une seule adresse si ce n'est pas voulu.",
    "identity_unknown": "Le serveur ne dit pas à qui est cette boîte. Vérifiez-le avec Get-Mailbox, ainsi que les "
    "droits du compte.",
    "throttled": "Exchange a demandé {count} fois d'attendre. Donnez au compte une ThrottlingPolicy, ou baissez "
    "connections.",
    "probe_may_remain": "Une entrée « Essai de RDV » a pu rester dans ce calendrier, au 1er janvier 2001. Le "
    "trouble corrigé, relancez la commande : elle la retirera.",
    "probe_not_found": "L'entrée écrite ne se retrouve pas par sa marque. Réessayez ; si cela dure, signalez-le avec "
    "ce code et la version d'Exchange.",
    "clock_right": "L'horloge du serveur et celle-ci s'accordent (écart : {seconds} s).",
    "clock_off": "L'horloge du serveur et celle-ci diffèrent de {seconds} s. Synchronisez-les (timedatectl, chronyc "
    "tracking) : au-delà de 2 minutes, des webhooks sont refusés.",
    "interrupted": "L'essai a été interrompu. Relancez la commande pour les boîtes restantes.",
    "dry_run_read_only": "dry_run est en vigueur : rien n'a été écrit, les droits d'écriture ne sont pas prouvés.",
}

CALENDAR_UNKNOWN = (
    "Le calendrier a répondu par une erreur non répertoriée ({code}). Cherchez ce code dans les journaux."
)

AUDIT: Mapping[str, str] = {
    "mailbox": "Boîte",
    "finding": "Écart",
    "event": "Événement",
    "details": "Détail",
    "missing": "manque",
    "doubled": "en double",
    "foreign": "changée",
    "orphaned": "inexpliquée",
    "items": "{count} entrées",
    "field title": "titre",
    "field start": "début",
    "field end": "fin",
    "field time_zone": "fuseau",
    "field location": "lieu",
    "field notice": "texte",
    "field link": "lien",
    "field show_as": "disponibilité",
    "field sensitivity": "confidentialité",
    "field reminder_minutes": "rappel",
    "field category": "catégorie",
    "field recurrence": "répétition",
    "field moved": "déplacée à une autre date",
    "progress": "Boîtes lues",
    "result": "{mailboxes} boîte(s) lue(s) : {missing} entrée(s) manquante(s), {doubled} en double, {foreign} "
    "changée(s), {orphaned} inexpliquée(s) ; {untried} boîte(s) non lue(s).",
    "repaired": "{count} entrée(s) confiée(s) au service (worker), qui les remet en ordre.",
    "busy": "{count} boîte(s) en cours d'écriture : rien n'y a été réparé. Relancez la commande.",
    "none": "Aucune boîte n'a encore reçu d'entrée : il n'y a rien à comparer.",
    "unknown": "Aucune entrée n'est jamais allée dans : {addresses}. Vérifiez l'adresse.",
    "days": "un nombre de jours, de 0 à {most}, est attendu",
}

MAILBOXES_TABLE: Mapping[str, str] = {
    "level": "État",
    "mailbox": "Boîte",
    "identity": "Adresse principale",
    "version": "Version",
    "latency": "ms",
    "findings": "Constat",
    "untried": "{count} boîte(s) n'ont pas été essayées.",
    "result": "{ok} boîte(s) en ordre, {warning} à voir, {trouble} en échec, {untried} non essayée(s).",
    "title": "Essai de RDV Service Public (à ignorer)",
    "progress": "Boîtes essayées",
    "none": "Aucune boîte connue : remplissez mailboxes.map ou le CSV, ou nommez des boîtes.",
}
