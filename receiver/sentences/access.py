"""Access: the login page, refusals, the `token` commands."""

from collections.abc import Mapping

ACCESS: Mapping[str, str] = {
    "login_title": "Connexion",
    "login_help": "Collez ici le jeton qui vous a été remis. Il se crée sur le serveur : rdv-receiver token issue",
    "token": "Jeton",
    "login": "Entrer",
    "already": "Déjà entré ? Continuer",
    "wrong_token": "Ce jeton n'ouvre rien : vérifiez qu'il a été collé en entier, ou demandez-en un autre.",
    "too_many": "Trop de jetons refusés depuis votre adresse : réessayez dans {seconds} secondes.",
    "not_https": "Un jeton ne s'envoie qu'en HTTPS : passez par le site intérieur, en https, ou par un tunnel ssh. Si "
    "vous y êtes déjà, dites au programme d'où le mandataire l'appelle : web.proxy.address.",
    "refused_title": "Accès refusé",
    "role": "Vous pouvez voir, pas relancer. Il faut un jeton de rôle operate.",
    "foreign_form": "Ce formulaire ne vient pas de cette page, ou la session a changé. Revenez-y et recommencez.",
    "unavailable_title": "Indisponible",
    "unavailable": "La base du programme ne répond pas. Sur le serveur : rdv-receiver status",
    "back": "Retour aux pages d'état",
}

_NOTHING = "Aucun jeton ne peut être créé ni reconnu. "
_RELOAD = " Puis rechargez le service (systemctl reload rdv-receiver)."

TOKEN_KEY: Mapping[str, str] = {
    "token_key_missing": _NOTHING + "La clé qui les signe n'est pas configurée : avec PostgreSQL, elle ne se crée "
    "pas toute seule. Créez un secret (rdv-receiver secrets new), mettez-le dans un fichier lisible du seul compte du "
    "service, le même sur tous les hôtes, et nommez ce fichier sous web.token_key." + _RELOAD,
    "token_key_not_made": _NOTHING + "La clé qui les signe ne peut pas être créée à côté de la base. Vérifiez les "
    "droits et la place, ou nommez un fichier sous web.token_key." + _RELOAD,
    "token_key_unreadable": _NOTHING + "La clé qui les signe ne peut pas être lue. Vérifiez les droits du fichier "
    "token.key, à côté de la base." + _RELOAD,
    "token_key_not_regular": _NOTHING + "token.key, à côté de la base, n'est pas un fichier ordinaire. Retirez-le : "
    "une clé sera créée." + _RELOAD,
    "token_key_weak_file": _NOTHING + "La clé qui les signe, dans token.key à côté de la base, est vide ou trop "
    "courte. Retirez ce fichier : une clé sera créée, et il faudra créer de nouveaux jetons." + _RELOAD,
    "token_key_gone": "La clé qui signe les jetons, token.key à côté de la base, n'est plus là. Le service se sert de "
    "celle qu'il a lue jusqu'à ce qu'il s'arrête. Remettez ce fichier. S'il est perdu, créez un jeton (rdv-receiver "
    "token issue) : une clé sera créée, et les jetons d'avant n'ouvriront plus." + _RELOAD,
    "token_key_exposed": "Tout utilisateur de la machine peut lire ou changer la clé qui signe les jetons. Retirez "
    "token.key, à côté de la base : une clé sera créée, et il faudra créer de nouveaux jetons." + _RELOAD,
}
"""Why tokens cannot be signed, or not safely."""

TOKEN_HELP: Mapping[str, str] = {
    "token": "crée, liste et révoque les jetons qui ouvrent les pages d'état et l'API",
    "issue": "crée un jeton et l'affiche, une seule fois",
    "list": "liste les jetons créés, sans leur texte, qui n'est gardé nulle part",
    "revoke": "révoque un jeton : il n'ouvre plus rien, aussitôt",
    "role": "read : voir (par défaut) ; operate : aussi relancer ce qui a échoué",
    "days": "durée de validité en jours (90)",
    "label": "pour qui, ou pour quoi : ce que montrent la liste et les pages",
    "id": "le jeton, par le début de son numéro dans la liste",
}

TOKEN: Mapping[str, str] = {
    "issued": "Jeton {id}, rôle {role}, valable jusqu'au {expires}. Le voici ; il ne sera plus montré :",
    "new_key": "La clé qui signait les jetons n'était plus là : une autre a été créée. Les jetons d'avant n'ouvriront "
    "plus." + _RELOAD,
    "no_pages": "web.pages n'est pas à true : ce jeton n'ouvrira rien d'ici là.",
    "bad_days": "il faut un nombre de jours entre 1 et {longest}",
    "bad_label": "il faut une ligne de {longest} caractères au plus",
    "none": "Aucun jeton n'a été créé.",
    "revoked": "Le jeton {id} n'ouvre plus rien.",
    "not_one": "Aucun jeton, ou plusieurs, ne commencent par « {id} » : voyez token list. Rien n'a changé.",
}

TOKEN_COLUMNS = ("jeton", "rôle", "libellé", "créé", "expire", "état")

TOKEN_STATES: Mapping[str, str] = {
    "valid": "valable",
    "expired": "expiré",
    "revoked": "révoqué",
    "other_key": "autre clé",
}
