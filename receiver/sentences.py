"""What people read, in French, by the code of the trouble. Tables only: which sentence applies is decided elsewhere.

A sentence about a failure says the cause, then the cure. Fields in braces are the trouble's details.
"""

from collections.abc import Mapping
from typing import NamedTuple

CONFIGURATION: Mapping[str, str] = {
    # The file as such
    "file_missing": "le fichier n'existe pas. Indiquez-le avec --config FICHIER ou la variable RDV_RECEIVER_CONFIG.",
    "file_unreadable": "le fichier ne peut pas être lu. Vérifiez les droits du compte qui lance la commande.",
    "file_too_big": "le fichier est trop gros pour être le bon.",
    "file_empty": "le fichier est vide. Partez de config.example.yaml.",
    "not_utf8": "ce n'est pas de l'UTF-8. Enregistrez le fichier en UTF-8.",
    "yaml_syntax": "ce n'est pas du YAML valide. Vérifiez ici l'indentation, les deux-points et les guillemets.",
    "yaml_tab": "une tabulation sert d'indentation, ce que YAML refuse. Mettez des espaces.",
    "yaml_too_deep": "trop de niveaux imbriqués.",
    "yaml_too_big": "trop de valeurs (des alias qui se multiplient ?).",
    "yaml_tag": "les étiquettes YAML (« !… ») ne sont pas acceptées.",
    "yaml_value": "cette valeur ne peut pas être lue. Mettez-la entre guillemets si c'est un texte.",
    "key_twice": "cette clé figure déjà à la ligne {first_line}. Gardez l'une des deux.",
    "key_not_text": "une clé doit être un mot ou un texte.",
    # Kinds of values
    "missing": "il manque cette valeur obligatoire.",
    "empty_section": "il faut au moins une entrée ici.",
    "unknown_key": "cette clé n'existe pas. Clés possibles : {known}.",
    "unknown_key_near": "cette clé n'existe pas. Vouliez-vous dire « {suggestion} » ?",
    "not_mapping": "il faut ici des lignes « clé: valeur ».",
    "not_list": "il faut ici une liste (des lignes commençant par « - », ou [a, b]).",
    "not_text": "il faut ici un texte. Mettez la valeur entre guillemets.",
    "not_integer": "il faut ici un nombre entier, sans guillemets.",
    "not_number": "il faut ici un nombre, sans guillemets.",
    "not_boolean": "il faut ici true ou false, sans guillemets.",
    "not_a_choice": "valeur non reconnue. Valeurs possibles : {choices}.",
    "out_of_range": "valeur hors limites : il faut {bound}.",
    "empty_list": "la liste est vide. Mettez au moins un élément ou retirez la clé.",
    "empty_text": "le texte est vide.",
    "too_long": "le texte est trop long : {max_length} caractères au plus.",
    "instant": "il faut un jour (2027-01-04) ou un instant avec son décalage (2027-01-04T08:00:00+01:00).",
    "control_character": "le texte contient un caractère de contrôle (retour à la ligne, tabulation…).",
    "name": "un nom se compose de 1 à 40 minuscules sans accent, chiffres ou tirets.",
    "host": "ce n'est pas un nom de domaine ou d'hôte seul, comme « rdv.example.fr » (ni https://, ni chemin).",
    "email": "ce n'est pas une adresse de messagerie comme « prenom.nom@departement.example ».",
    "pattern": "ce n'est pas un motif d'adresse comme « *@pilote.example » (seuls * et ? sont des jokers).",
    "time_zone": "ce fuseau horaire est inconnu. Exemples : Europe/Paris, America/Guadeloupe, Indian/Reunion.",
    "listen": "il faut une adresse et un port, comme « 127.0.0.1:8080 » ou « [::1]:8080 ».",
    # Secrets
    "secret_is_a_value": "un secret ne s'écrit pas dans ce fichier. Mettez {{env: NOM}} ou {{file: CHEMIN}}, "
    "et changez le secret s'il a pu être lu.",
    "secret_reference": "il faut soit env, soit file, et un seul des deux.",
    "env_name": "ce n'est pas un nom de variable d'environnement (majuscules, chiffres et _). "
    "Si c'est le secret lui-même, retirez-le d'ici et changez-le.",
    "env_missing": "la variable d'environnement {name} n'est pas définie pour ce processus.",
    "secret_file_missing": "le fichier du secret n'existe pas.",
    "secret_file_unreadable": "le fichier du secret ne peut pas être lu. Vérifiez ses droits.",
    "secret_file_exposed": "tout utilisateur de la machine peut lire ce secret. Faites chmod o-r sur le fichier.",
    "secret_not_text": "le fichier du secret n'est pas un texte en UTF-8.",
    "secret_too_long": "le fichier du secret est trop gros pour être un secret.",
    "secret_empty": "le secret est vide.",
    "secret_several_lines": "le secret tient sur plusieurs lignes ; il en faut une seule.",
    "secret_twice": "ce secret figure déjà dans cette source. Gardez une seule des deux entrées.",
    # Store
    "store_url": "il faut « sqlite:////chemin/absolu/rdv.db » ou « postgresql://utilisateur@hôte/base ».",
    "store_not_absolute": "le chemin SQLite doit être absolu, avec quatre barres : « sqlite:////var/lib/… », "
    "sans options.",
    "store_password_in_url": "le mot de passe ne s'écrit pas dans l'adresse. Mettez-le sous store.password, et "
    "changez-le s'il a pu être lu.",
    "store_password_unused": "une base SQLite n'a pas de mot de passe. Retirez store.password.",
    "store_database_missing": "l'adresse ne nomme pas de base de données.",
    "store_user_missing": "il y a un mot de passe, mais pas d'utilisateur dans l'adresse : "
    "« postgresql://utilisateur@… ».",
    "store_driver_missing": "le pilote PostgreSQL n'est pas installé. Installez « rdv-receiver[postgresql] ».",
    # Sources
    "organisation_not_of_source": "ces organisations ne figurent pas dans celles de la source : {ids}.",
    "organisations_unlimited": "cette source accepte toutes les organisations, donc aussi celles de « {other} » (même "
    "émetteur, même plateforme). Listez les organisations de chacune, ou réunissez-les en une source.",
    "organisation_shared": "ces organisations figurent déjà dans la source « {other} » (même émetteur, même "
    "plateforme) : {ids}. Une organisation n'a qu'une source.",
    # Calendars and mailboxes
    "server_address": "il faut l'adresse EWS entière, comme « https://mail.departement.example/EWS/Exchange.asmx ».",
    "server_not_https": "l'adresse doit commencer par https:// : le mot de passe et les rendez-vous y passent.",
    "server_path_missing": "il manque le chemin de l'adresse, d'ordinaire « /EWS/Exchange.asmx ».",
    "ca_file_missing": "le fichier de l'autorité de certification n'existe pas.",
    "ca_file_unreadable": "le fichier de l'autorité de certification ne peut pas être lu. Vérifiez ses droits.",
    "ca_file_not_pem": "ce fichier ne contient pas de certificat au format PEM (« -----BEGIN CERTIFICATE----- »).",
    "kerberos_not_installed": "Kerberos n'est pas installé. Installez « rdv-receiver[kerberos] » (il lui faut aussi la "
    "bibliothèque du système : libgssapi-krb5-2).",
    "keytab_missing": "le fichier keytab n'existe pas.",
    "keytab_unreadable": "le fichier keytab ne peut pas être lu. Vérifiez ses droits.",
    "keytab_not_one": "ce fichier n'est pas un keytab. Faites-en un avec ktpass ou msktutil.",
    "keytab_without_kerberos": "un keytab ne sert qu'avec auth: kerberos. Retirez-le, ou changez auth.",
    "password_with_kerberos": "avec auth: kerberos, le keytab remplace le mot de passe. Retirez password.",
    "principal": "avec auth: kerberos, il faut le principal entier, comme « svc-rdv@DEPARTEMENT.EXAMPLE ».",
    "calendar_unknown": "aucun calendrier de ce nom sous calendars.",
    "default_calendar_missing": "il y a plusieurs calendriers : dites lequel sert quand aucun n'est nommé ({known}).",
    "agent_twice": "cet agent figure déjà avec une autre boîte.",
    "csv_unreadable": "le fichier CSV n'existe pas ou ne peut pas être lu.",
    "csv_header": "la première ligne du CSV doit être « agent;mailbox » ou « agent;mailbox;calendar » (ou avec des "
    "virgules).",
    "csv_columns": "cette ligne du CSV n'a pas le même nombre de colonnes que la première.",
    "csv_syntax": "cette ligne du CSV ne peut pas être lue : vérifiez les guillemets.",
}

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
    "quota_exceeded": "La boîte est pleine. L'agent doit faire de la place, ou son quota être relevé.",
    "folder_not_found": "Cette boîte n'a pas de calendrier accessible. Ouvrez-la une fois avec Outlook ou OWA, et "
    "vérifiez les droits.",
    "item_not_found": "L'entrée n'est plus là où elle avait été écrite ; elle sera recherchée.",
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
"""What a look at a server's door and certificate tells."""

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

RULES: Mapping[str, str] = {
    "unchanged": "Ces règles sont déjà en vigueur : rien à changer.",
    "adopted": "Ces règles sont maintenant en vigueur ; les calendriers suivent.",
    "preview": "Rien n'a été changé. Sans --dry-run, ces règles entreraient en vigueur.",
    "counts": "{created} entrées à créer, {updated} à modifier, {removed} à retirer, {kept} inchangées.",
    "held": "Une autre version attend déjà une confirmation ({removals} entrées à retirer).",
}

UNMAPPED: Mapping[str, str] = {
    "none": "Chaque agent attendu a une boîte, ou est laissé de côté par la configuration.",
    "heading": "Agents sans boîte (à ajouter dans mailboxes.map, mailboxes.domains ou le CSV) :",
    "line": "{email}  {events} rendez-vous ou absences à venir",
}

CALENDAR_UNKNOWN = (
    "Le calendrier a répondu par une erreur non répertoriée ({code}). Cherchez ce code dans les journaux."
)

CHECK: Mapping[str, str] = {
    "configuration_read": "La configuration est correcte.",
    "store_ready": "La base est ouverte et à jour.",
    "store_not_created": "La base n'existe pas encore ; run ou migrate la créera.",
    "store_not_current": "La base n'est pas à la version de ce programme ; run ou migrate la mettra à jour.",
    "store_unreachable": "La base ne peut pas être ouverte ({error}). Vérifiez store.url, le réseau et les droits.",
    "store_not_writable": "Le compte qui lance la commande ne peut pas écrire dans {path}. Vérifiez les droits.",
    "store_folder_missing": "Le dossier de la base n'existe pas : {path}. Créez-le.",
    "store_on_network": "La base SQLite est sur un système de fichiers réseau ({kind}), où ses verrous ne sont "
    "pas sûrs. Mettez-la sur un disque local, ou passez à PostgreSQL.",
    "mailbox_reached": "La boîte est accessible.",
    "mailbox_reached_as": "La boîte est accessible ; son adresse principale est {address}.",
    "mailboxes_left_out": "{count} autres boîtes n'ont pas été essayées. Nommez-en avec --mailbox.",
    "mailbox_needed": "Pour essayer ce serveur, nommez une boîte : check --mailbox agent@departement.example.",
    "folder_ready": "Le dossier existe et se laisse écrire.",
    "folder_missing": "Le dossier n'existe pas : {path}. Créez-le.",
    "folder_not_writable": "Le compte qui lance la commande ne peut pas écrire dans {path}. Vérifiez les droits.",
    "nothing_mapped": "Aucun agent n'a de boîte : rien ne sera écrit. Remplissez mailboxes.domains, map ou csv.",
}

STATUS: Mapping[str, str] = {
    "source": "Source {name} : dernier webhook le {at}.",
    "source_never": "Source {name} : aucun webhook reçu.",
    "server": "Serveur {name} : dernière réponse le {at}.",
    "never": "— (jamais)",
    "backlog": "{due} changement(s) à écrire, {unsettled} événement(s) à traiter.",
    "since": ", depuis le {at}",
    "see": "Voir le guide de dépannage : {code}",
    "ok": "Tout va bien.",
    "trouble": "Des points sont à voir ci-dessus.",
}

LEVELS: Mapping[str, str] = {"ok": "OK", "warning": "À VOIR", "trouble": "ÉCHEC"}

CHECK_RESULT: Mapping[str, str] = {
    "ok": "Tout est en ordre.",
    "warning": "Rien n'empêche de démarrer ; voyez les lignes « À VOIR ».",
    "trouble": "Des points sont à corriger : voyez les lignes « ÉCHEC ».",
}

COMMANDS: Mapping[str, str] = {
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
    "audit dry-run": "ne change rien, même avec --repair",
    "check": "vérifie la configuration, la base et l'accès aux calendriers, sans rien écrire",
    "mailbox": "boîte à essayer, telle qu'Exchange la connaît (option répétable)",
    "json": "rapport en JSON",
    "help": "affiche cette aide",
    "version": "affiche la version",
    "commands": "commandes",
    "options": "options",
    "usage": "usage : ",
    "configuration_refused": "La configuration n'est pas utilisable : {count} point(s) à corriger.",
    "migrated": "La base est à jour.",
    "store_failed": "La base ne peut pas être ouverte ou mise à jour ({error}). Vérifiez store.url, le réseau "
    "et les droits.",
}

USAGE: Mapping[str, str] = {
    r"unrecognized arguments: (.*)": r"argument inconnu : \1",
    r"the following arguments are required: (.*)": r"il manque : \1",
    r"argument (.*): invalid choice: (.*) \(choose from .*\)": r"\1 : \2 n'existe pas (voir --help)",
    r"argument (.*): expected (?:one|at least one) argument": r"\1 : il manque une valeur",
    r"ambiguous option: (.*) could match (.*)": r"option ambiguë : \1 (\2)",
}
"""argparse's English sentences (patterns) and ours."""


class Advice(NamedTuple):
    """A trouble in words."""

    title: str
    """What is wrong, in one line."""
    cure: str
    """What to check and to do."""


TROUBLES: Mapping[str, Advice] = {
    "store_unreachable": Advice(
        "La base de données ne peut pas être utilisée",
        "Les webhooks sont refusés et seront renvoyés par l'émetteur : rien n'est perdu. Vérifiez le disque, le "
        "service PostgreSQL, store.url et les droits.",
    ),
    "store_not_current": Advice(
        "La base de données n'est pas à la version du programme",
        "Lancez « rdv-receiver migrate », ou redémarrez le service : run s'en charge.",
    ),
    "worker_silent": Advice(
        "Plus rien n'écrit dans les calendriers",
        "Le processus worker ne donne plus signe de vie. Regardez « systemctl status rdv-receiver » et le journal, "
        "puis redémarrez le service.",
    ),
    "server_failing": Advice("Le serveur {subject} est en échec", "{cause}"),
    "mailboxes_failing": Advice("{count} boîte(s) en échec sur {subject}", "{cause}"),
    "entries_failing": Advice("{count} entrée(s) refusée(s) sur {subject}", "{cause}"),
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
    "agents_unmapped": Advice(
        "{count} agent(s) attendu(s) sans boîte",
        "« rdv-receiver mailboxes unmapped » les nomme. Ajoutez-les dans mailboxes.map, mailboxes.domains ou le CSV ; "
        "leurs rendez-vous arrivent aussitôt.",
    ),
    "signatures_refused": Advice(
        "{count} signatures fausses aujourd'hui sur {subject}",
        "Le secret a sans doute changé d'un seul côté. Comparez celui de l'émetteur et celui de la configuration ; les "
        "deux peuvent valoir ensemble pendant un changement.",
    ),
    "webhooks_refused": Advice("{count} webhook(s) refusé(s) aujourd'hui sur {subject}", "{cause}"),
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
    "calendars_differ": Advice("{count} écart(s) entre les calendriers et ce qui est attendu", "{cause}"),
}
"""Troubles, by `receiver.core.health.Code`. `{cause}` is the sentence of what lies behind."""

CAUSES: Mapping[str, str] = {
    "payload": "Des messages bien signés n'ont pas la forme attendue : l'émetteur a sans doute changé. L'émetteur les "
    "garde et les renvoie ; mettez ce programme à jour, ou signalez-le.",
    "age": "Des messages sont trop vieux, ou viennent du futur. Vérifiez l'horloge de ce serveur (timedatectl).",
    "secret_organisation": "Un secret réservé à certaines organisations signe pour une autre. Corrigez organisations "
    "sous secrets, ou le secret chez l'émetteur.",
    "too_large": "Des messages dépassent 1 Mio : ce ne sont sans doute pas ceux de l'émetteur.",
    "unsupported_media_type": "Des messages ne sont pas en JSON : ce ne sont sans doute pas ceux de l'émetteur, ou un "
    "mandataire les transforme.",
    "missing": "Des entrées manquent. « rdv-receiver audit » les nomme, « rdv-receiver audit --repair » les remet.",
    "doubled": "Des entrées sont en double. « rdv-receiver audit » les nomme ; une copie faite par un agent lui reste.",
    "foreign": "Des entrées ont été changées dans Outlook. « rdv-receiver audit --repair » les rétablit.",
    "orphaned": "Des entrées ne correspondent à rien de connu ici. Voyez-les avec "
    "« rdv-receiver audit » ; elles se retirent à la main dans Outlook.",
    "undecidable": "Un défaut de ce programme empêche de traiter ces événements : signalez-le avec le journal.",
}
"""What lies behind a trouble, beside the codes of `CALENDAR`."""

UNKNOWN = "erreur non répertoriée ({code})."
