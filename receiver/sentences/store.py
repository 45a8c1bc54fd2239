"""Why the store cannot be used, by `receiver.store.database.causes.Cause`: what is wrong, then what to do."""

from collections.abc import Mapping

from receiver.sentences.troubles import Advice

_RESTORE = "Arrêtez le service, gardez ce qui est là, et suivez docs/fr/reprise.md (sauvegarde, puis adopt)."

STORE_CAUSES: Mapping[str, Advice] = {
    "store_folder_missing": Advice(
        "le dossier de la base n'existe pas",
        "{path} n'existe pas. Si un disque doit être monté là, montez-le. Sinon créez le dossier, et "
        "donnez-le au compte "
        "du service.",
    ),
    "store_file_missing": Advice(
        "le fichier de la base n'existe pas",
        "{path} n'existe pas. Si un disque doit être monté là, montez-le. À la première installation, "
        "run ou migrate le "
        "crée. Sinon suivez docs/fr/reprise.md avant de redémarrer : une base neuve ne connaît pas les "
        "entrées écrites.",
    ),
    "store_not_a_file": Advice(
        "ce n'est pas un fichier",
        "Un fichier est attendu à {path}, et il y a là un dossier ou autre chose. Corrigez store.url, "
        "ou déplacez ce qui "
        "s'y trouve.",
    ),
    "store_not_a_database": Advice(
        "le fichier n'est pas une base SQLite",
        "{path} est un autre fichier, ou son début a été écrasé. Rien n'y a été écrit. Vérifiez store.url. Si c'est le "
        f"bon fichier, il est perdu. {_RESTORE}",
    ),
    "store_empty": Advice(
        "La base de données est vide",
        "Elle ne contient rien. À la première installation, « rdv-receiver migrate » ou run la crée. "
        "Sinon son contenu a "
        f"disparu : ne lancez pas migrate. {_RESTORE}",
    ),
    "store_corrupt": Advice(
        "la base est endommagée",
        f"Une partie de la base ne se lit plus : disque défaillant, ou fichier coupé ou écrasé. {_RESTORE} Vérifiez "
        "aussi le disque (smartctl, journal du noyau).",
    ),
    "store_not_writable": Advice(
        "un fichier de la base ne se laisse pas écrire",
        "Le compte du service ne peut pas lire et écrire {path}. Lancez : {command}. Le service reprend seul.",
    ),
    "store_read_only_mount": Advice(
        "le disque de la base est en lecture seule",
        "{path} est sur un système de fichiers monté en lecture seule. Si le noyau l'a fait, le disque est peut-être "
        "défaillant (dmesg). Sinon lancez : {command}. Le service reprend seul.",
    ),
    "store_input_output": Advice(
        "le disque de la base ne répond pas bien",
        "Le système signale une erreur de lecture ou d'écriture. Vérifiez le disque (dmesg, smartctl). "
        "Gardez une copie "
        "de la base avant toute réparation.",
    ),
    "store_foreign": Advice(
        "la base est celle d'un autre programme",
        "Elle contient les tables d'un autre programme : rien n'y a été écrit. Corrigez store.url, et donnez à "
        "rdv-receiver une base à lui.",
    ),
    "store_incomplete": Advice(
        "des tables manquent dans la base",
        f"Des tables ou des colonnes de rdv-receiver ont disparu. Avec PostgreSQL, vérifiez aussi "
        f"search_path. {_RESTORE}",
    ),
    "store_too_old": Advice(
        "la base vient d'une version d'essai, d'avant la première publiée",
        "Cette version ne sait pas la mettre à jour : rien n'y a été changé. Revenez à la version qui l'a faite, ou "
        "gardez cette base de côté, partez d'une base neuve, et suivez docs/fr/reprise.md.",
    ),
    "store_disk_full": Advice(
        "le disque de la base est plein",
        "Faites de la place sur le disque de la base (df -h). Le service reprend seul.",
    ),
    "store_busy": Advice(
        "la base est occupée trop longtemps",
        "Un autre programme l'a verrouillée, ou toutes les connexions sont prises. Cherchez une sauvegarde ou une "
        "requête qui dure (fuser sur le fichier, ou pg_stat_activity).",
    ),
    "store_host_unknown": Advice(
        "le serveur PostgreSQL est inconnu du DNS",
        "Le nom d'hôte de store.url ne se résout pas. Vérifiez le nom, et le DNS de cette machine (getent hosts NOM).",
    ),
    "store_host_unreachable": Advice(
        "le serveur PostgreSQL n'est pas joignable",
        "Rien n'écoute à l'adresse et au port de store.url. Vérifiez que PostgreSQL tourne (systemctl status "
        "postgresql), listen_addresses, le port et le pare-feu.",
    ),
    "store_no_answer": Advice(
        "la base ne répond pas à temps",
        "La machine ou le service ne répond pas. Vérifiez qu'elle est allumée, sa charge, le réseau et le pare-feu.",
    ),
    "store_not_postgresql": Advice(
        "ce qui répond n'est pas PostgreSQL",
        "Un autre service écoute à l'adresse et au port de store.url. Corrigez-les.",
    ),
    "store_password_refused": Advice(
        "PostgreSQL refuse le compte ou le mot de passe",
        "Le compte de store.url n'existe pas, ou store.password n'est pas le bon. Vérifiez les deux ; "
        "pour changer le mot "
        "de passe : ALTER ROLE compte PASSWORD '…'.",
    ),
    "store_account_refused": Advice(
        "PostgreSQL ne laisse pas entrer ce compte",
        "Le compte n'existe pas ou n'a pas LOGIN, ou pg_hba.conf n'a pas de ligne pour ce compte, cette base, cette "
        "adresse et ce chiffrement. Le journal de PostgreSQL dit lequel. Après un changement : pg_ctl reload.",
    ),
    "store_database_unknown": Advice(
        "cette base n'existe pas sur le serveur PostgreSQL",
        "Corrigez le nom de la base dans store.url. À la première installation, créez-la : createdb -O compte base. "
        "Si elle a été supprimée, suivez docs/fr/reprise.md.",
    ),
    "store_database_closed": Advice(
        "cette base n'accepte pas de connexions",
        "Un administrateur l'a fermée. Pour l'ouvrir : ALTER DATABASE base ALLOW_CONNECTIONS true.",
    ),
    "store_tls_required": Advice(
        "PostgreSQL exige une connexion chiffrée",
        "store.url l'interdit (sslmode=disable). Mettez sslmode=verify-full, et sslrootcert si "
        "l'autorité est la vôtre.",
    ),
    "store_tls_unavailable": Advice(
        "PostgreSQL n'offre pas de connexion chiffrée",
        "store.url l'exige (sslmode), et le serveur n'a pas TLS. Mettez ssl = on et un certificat sur le serveur.",
    ),
    "store_tls_untrusted": Advice(
        "le certificat de PostgreSQL n'est pas vérifié",
        "L'autorité est inconnue, le certificat a expiré, ou il est fait pour un autre nom. Vérifiez sslrootcert dans "
        "store.url, le nom d'hôte et la date du certificat.",
    ),
    "store_tls_failed": Advice(
        "la connexion chiffrée à PostgreSQL échoue",
        "Le serveur et ce programme ne s'accordent pas sur TLS. Vérifiez les versions de TLS, sslcert et sslkey.",
    ),
    "store_rights_missing": Advice(
        "le compte PostgreSQL n'a pas les droits qu'il faut",
        "Rendez-le propriétaire de la base et de ses tables : ALTER DATABASE base OWNER TO compte ; REASSIGN OWNED. Ou "
        "donnez-lui les droits : GRANT CONNECT sur la base, USAGE et CREATE sur le schéma, tout sur les tables.",
    ),
    "store_read_only_server": Advice(
        "PostgreSQL n'accepte pas d'écriture",
        "C'est un serveur de secours, ou default_transaction_read_only vaut on pour le serveur, la base ou le compte. "
        "Faites mener store.url au serveur principal, ou remettez ce réglage à off.",
    ),
    "store_too_many_connections": Advice(
        "PostgreSQL a trop de connexions",
        "Toutes les connexions permises sont prises. Augmentez max_connections, ou la limite de la base ou du compte ; "
        "cherchez qui les tient (pg_stat_activity).",
    ),
    "store_starting": Advice(
        "PostgreSQL démarre, s'arrête ou se rétablit",
        "Il n'accepte pas encore de connexions. Attendez une minute. Si cela dure, voyez son journal.",
    ),
    "store_connection_lost": Advice(
        "la connexion à PostgreSQL a été coupée",
        "Le serveur s'est arrêté ou a redémarré, ou le réseau est coupé. Vérifiez systemctl status postgresql.",
    ),
    "store_wrong_encoding": Advice(
        "la base PostgreSQL n'est pas en UTF-8",
        "Elle ne peut pas garder tous les textes. Créez une base avec ENCODING 'UTF8' TEMPLATE template0. Copiez-y "
        "l'ancienne, s'il y en a une : pg_dump, puis psql.",
    ),
    "store_unknown": Advice(
        "la raison n'est pas connue",
        "Vérifiez le disque, le service PostgreSQL, store.url et les droits, puis le journal.",
    ),
}
"""Why it cannot be used. Titles follow a colon, except that of an empty store, which is a trouble of its own."""

STORE_FILES: Mapping[str, str] = {
    "store_file_unusable": "Le compte du service ne peut pas lire et écrire {path}. Lancez : {command}.",
    "store_file_exposed": "D'autres comptes de cette machine peuvent lire ou écrire {path}, où sont des données "
    "personnelles ou des verrous. Lancez : {command}.",
}
"""What `check` finds of the files beside the database."""
