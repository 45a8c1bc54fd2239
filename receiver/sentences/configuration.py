"""Problems of the configuration, by code."""

from collections.abc import Mapping

_BOTH = "Les deux valeurs sont essayées : telle qu'elle est écrite, et sans cela. "
_TIDY = "Si ce n'est pas voulu, retirez-le du fichier ou de la variable."

CONFIGURATION: Mapping[str, str] = {
    # The file as such
    "file_missing": "le fichier n'existe pas. Indiquez-le avec --config FICHIER ou la variable RDV_RECEIVER_CONFIG.",
    "file_unreadable": "le fichier ne peut pas être lu. Vérifiez les droits du compte qui lance la commande.",
    "file_is_folder": "c'est un dossier : il faut un fichier. Indiquez-le avec --config FICHIER.",
    "file_not_regular": "ce n'est pas un fichier ordinaire. Mettez la configuration dans un fichier de texte.",
    "file_too_big": "le fichier est trop gros pour être le bon.",
    "file_empty": "le fichier est vide. Partez de config.example.yaml.",
    "not_utf8": "ce n'est pas de l'UTF-8 (peut-être du Windows-1252, ou « ANSI »). Enregistrez le fichier en UTF-8 ; "
    "dans Excel : « CSV UTF-8 ».",
    "yaml_syntax": "ce n'est pas du YAML valide. Vérifiez ici l'indentation, les deux-points et les guillemets.",
    "yaml_tab": "une tabulation est là où YAML veut des espaces, comme pour l'indentation. Mettez des espaces.",
    "yaml_blank": "il y a là un blanc qui n'est pas un espace ordinaire (insécable, sans largeur), comme en laisse un "
    "copier-coller. Effacez-le et mettez un espace, ou mettez le texte entre guillemets.",
    "yaml_too_deep": "trop de niveaux imbriqués.",
    "yaml_too_big": "trop de valeurs (des alias qui se multiplient ?).",
    "yaml_tag": "les étiquettes YAML (« !… ») ne sont pas acceptées.",
    "yaml_number": "YAML lit 012 comme dix, et 12:30 comme 750. Ôtez le zéro, ou mettez la valeur entre guillemets.",
    "yaml_value": "cette valeur ne peut pas être lue. Mettez-la entre guillemets si c'est un texte.",
    "key_twice": "cette clé figure déjà à la ligne {first_line}. Gardez l'une des deux.",
    "key_not_text": "une clé doit être un mot ou un texte.",
    # Kinds of values
    "path_too_long": "ce chemin est trop long : 255 octets au plus par nom, 4 095 en tout.",
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
    "installation_name": "ce n'est pas un identifiant d'installation : 36 caractères, comme le montre « rdv-receiver "
    "status ».",
    "host": "ce n'est pas un nom de domaine ou d'hôte seul, comme « rdv.example.fr » (ni https://, ni chemin).",
    "email": "ce n'est pas une adresse de messagerie comme « prenom.nom@departement.example ».",
    "pattern": "ce n'est pas un motif d'adresse comme « *@pilote.example » (seuls * et ? sont des jokers).",
    "time_zone": "ce n'est pas un fuseau horaire de la liste de l'IANA, qui nomme des lieux (Europe/Paris, "
    "Indian/Reunion) avec leurs majuscules. Vouliez-vous dire « {nearest} » ?",
    "time_zone_damaged": "les règles de ce fuseau horaire ne peuvent pas être lues sur cette machine. Réinstallez son "
    "paquet tzdata, ou retirez-le : le programme a ses propres règles.",
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
    "secret_file_not_regular": "ce n'est pas un fichier ordinaire ; un secret se met dans un fichier de texte.",
    "secret_file_exposed": "tout utilisateur de la machine peut lire ce secret. Faites chmod o-r sur le fichier.",
    "secret_not_text": "le secret n'est pas un texte en UTF-8. Windows PowerShell écrit en UTF-16 : enregistrez le "
    "fichier en UTF-8.",
    "secret_too_long": "le fichier du secret est trop gros pour être un secret.",
    "secret_empty": "le secret est vide, ou il n'y a que des blancs, des guillemets ou un nom de variable.",
    "secret_several_lines": "le secret tient sur plusieurs lignes, lignes vides comprises ; il en faut une seule.",
    "secret_twice": "ce secret figure déjà dans cette source. Gardez une seule des deux entrées.",
    "token_key_weak": "cette clé est trop facile à deviner : il faut au moins {shortest} caractères, tirés au hasard. "
    "« rdv-receiver secrets new » en donne une.",
    "token_key_reused": "cette clé sert déjà ailleurs dans ce fichier. Il en faut une qui ne serve qu'aux jetons.",
    "token_key_missing": "les pages ne reconnaissent aucun jeton : avec PostgreSQL, il faut la clé qui les signe. "
    "Mettez sous web.token_key un fichier, le même sur tous les hôtes.",
    # Doubtful secrets that are used
    "secret_short": "Ce secret signe des webhooks et il a moins de {shortest} caractères : qui lit un webhook peut le "
    "deviner. Remplacez-le (rdv-receiver secrets new ; guide « Changer un secret »).",
    "secret_shared": "Ce secret est aussi celui de {other}, à ce qui l'entoure près. Qui connaît l'un connaît l'autre. "
    "Donnez à chaque source son propre secret (guide « Changer un secret »).",
    "secret_edges": "Autour de ce secret : {edges}. " + _BOTH + "Aucune des deux n'a encore servi. " + _TIDY,
    "secret_edges_written": "Autour de ce secret : {edges}. " + _BOTH + "C'est la valeur telle qu'elle est écrite qui "
    "sert : gardez-la.",
    "secret_edges_bare": "Autour de ce secret : {edges}. " + _BOTH + "C'est la valeur sans cela qui sert : retirez-le "
    "du fichier ou de la variable.",
    "value_edges": "Autour de cette valeur : {edges}. Elle est employée telle qu'elle est écrite : un second essai "
    "pourrait verrouiller le compte. " + _TIDY,
    "token_key_edges": "Autour de cette clé : {edges}. Elle est employée telle qu'elle est écrite, et doit l'être de "
    "même sur tous les hôtes. La corriger révoque les jetons.",
    "secret_unseen_within": "Il y a dans cette valeur un caractère invisible ou un espace inhabituel, comme en laisse "
    "un copier-coller. Elle est employée telle qu'elle est écrite. Vérifiez-la, ou saisissez-la à la main.",
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
    "store_parameter_unknown": "l'adresse a un paramètre que ce programme n'accepte pas : « {key} ». Retirez-le. "
    "Paramètres possibles : {known}.",
    "store_parameter_twice": "le paramètre « {key} » y figure plusieurs fois. Gardez-le une seule fois ; plusieurs "
    "serveurs s'écrivent host=a,b.",
    "store_parameter_choice": "la valeur du paramètre « {key} » n'est pas reconnue. Valeurs possibles : {choices}.",
    "store_parameter_number": "le paramètre « {key} » veut un nombre entier de {least} à {most}.",
    "store_parameter_path": "le paramètre « {key} » veut le chemin absolu d'un fichier.",
    "store_parameter_file": "ce que nomme le paramètre « {key} » n'est pas un fichier ordinaire.",
    "store_parameter_text": "la valeur du paramètre « {key} » est vide, trop longue, ou a un caractère interdit.",
    "store_parameter_hosts": "le paramètre « {key} » ne convient pas. Il faut des serveurs séparés par des virgules, "
    "et un port pour tous ou un pour chacun.",
    "store_parameter_options": "le paramètre « {key} » ne peut fixer que des durées, comme -c%20lock_timeout%3D2s. "
    "Réglages possibles : {known}.",
    "store_parameter_needs_tls": "« {key} » ne va qu'avec une connexion chiffrée. Ajoutez {wanted}.",
    "store_parameter_needs_network": "« {key} » ne va pas avec une connexion locale (socket). Retirez-le, ou nommez un "
    "serveur.",
    "marker_is_store": "le témoin ne peut pas être la base, ni un fichier que la base tient à côté d'elle. Donnez un "
    "autre fichier, sur un autre disque si possible.",
    "marker_is_folder": "c'est un dossier : il faut un fichier.",
    # Sources
    "organisation_not_of_source": "ces organisations ne figurent pas dans celles de la source : {ids}.",
    "organisations_unlimited": "cette source accepte toutes les organisations, donc aussi celles de « {other} » (même "
    "émetteur, même plateforme). Listez les organisations de chacune, ou réunissez-les en une source.",
    "organisation_shared": "ces organisations figurent déjà dans la source « {other} » (même émetteur, même "
    "plateforme) : {ids}. Une organisation n'a qu'une source.",
    "api_address": "il faut l'adresse de l'émetteur seule, sans chemin : « https://www.rdv-solidarites.fr ».",
    "webhook_address": "il faut l'adresse du webhook telle que l'émetteur la connaît : "
    "« https://rdv.departement.example/webhooks/mds ».",
    "address_not_https": "l'adresse doit commencer par https:// : un mot de passe ou des rendez-vous y passent.",
    "api_of_other_emitter": "seul RDV Service Public a cette API. Retirez api de cette source.",
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
    "motif_twice": "un motif y figure deux fois : majuscules et espaces ne comptent pas. Gardez une des deux lignes.",
    "agent_twice": "cet agent figure déjà avec une autre boîte.",
    "csv_unreadable": "le fichier CSV n'existe pas ou ne peut pas être lu.",
    "clock_time": 'ce n\'est pas une heure : écrivez-la entre guillemets, comme "08:00", ou null.',
    "network": "ce n'est ni une adresse ni un réseau : par exemple 127.0.0.1 ou 10.1.2.0/24.",
    "header_name": "ce n'est pas un nom d'en-tête HTTP : par exemple X-Remote-User.",
    "alert_not_verified": "cette adresse d'alerte éteint la vérification des certificats (verify=no). Retirez-le ; une "
    "autorité interne se donne dans alerts.ca_file.",
    "proxy_address": "ce n'est pas l'adresse d'un mandataire : par exemple http://proxy.departement.example:3128.",
    "csv_header": "la première ligne du CSV doit être « agent;mailbox » ou « agent;mailbox;calendar » (ou avec des "
    "virgules).",
    "csv_columns": "cette ligne du CSV n'a pas le même nombre de colonnes que la première.",
    "csv_syntax": "cette ligne du CSV ne peut pas être lue : vérifiez les guillemets.",
}

EDGES: Mapping[str, str] = {
    "mark": "une marque d'ordre des octets (BOM)",
    "blank": "des blancs",
    "unusual_blank": "des espaces insécables",
    "invisible": "des caractères invisibles",
    "quotes": "des guillemets",
    "name": "un nom de variable (« NOM= »)",
}
"""The additions around a secret, by the codes of `core.secret_edges`."""
