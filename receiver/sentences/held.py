"""Webhooks that wait for a decision: the command `held`, its reports, and its page."""

from collections.abc import Mapping

HELD_HELP: Mapping[str, str] = {
    "held": "liste les webhooks mis de côté jusqu'à ce que quelqu'un décide ; held release les applique, held drop les "
    "écarte",
    "list": "les liste (ce que fait held sans rien d'autre)",
    "release": "les applique, quoi qu'il en coûte aux calendriers",
    "drop": "les écarte : ils ne changeront jamais rien",
    "numbers": "numéros donnés par la liste",
    "all": "tout ce qui attend (avec --source et --reason : tout ce qu'ils désignent)",
    "each": "nomme chaque webhook, et pas seulement les 50 premiers",
    "source": "ceux de cette source",
    "reason": "ceux mis de côté pour cette raison : scope (hors de la portée du secret), removal (retirerait trop "
    "d'entrées), cancellation (montré « ANNULÉ »)",
}

HELD: Mapping[str, str] = {
    "none": "Aucun webhook mis de côté n'attend de décision.",
    "count": "{count} webhook(s) mis de côté.",
    "more": "… et {count} autres (--all les nomme).",
    "hint": "Pour décider : rdv-receiver held release NUMÉRO, ou rdv-receiver held drop NUMÉRO. Que vérifier avant : "
    "docs/fr/portee.md.",
    "full": "{place} : plus de {most} webhooks hors de sa portée, les suivants n'ont pas été gardés. La cause réparée, "
    "lancez « rdv-receiver resync ».",
    "which": "dites lesquels : des numéros, ou --all (avec --source, --reason) ; l'un ou l'autre",
    "number": "un numéro d'attente de la liste",
    "unknown_source": "Aucune source de ce nom.",
    "unknown": "N'attendent pas (ou plus) : {numbers}. Rien n'a été changé.",
    "released": "Appliqués : {done}. Les calendriers suivent.",
    "dropped": "Écartés : {done}.",
    "left": "{count} étaient en train d'être jugés, ou ont été décidés ailleurs : regardez la liste.",
    "would release": "{count} seraient appliqués ({entries} entrées retirées). Rien n'a été changé.",
    "would drop": "{count} seraient écartés. Rien n'a été changé.",
    "column number": "Attente n°",
    "column since": "Depuis le",
    "column reason": "Raison",
    "column what": "Quoi",
    "column secret": "Source, secret",
    "column organisation": "Organisation",
    "column entries": "Entrées",
    "event": "n° {number} chez l'émetteur ({uid})",
    "agent": "agent {agent}",
    "agent email": "agent {agent}, adresse {email}",
    "claimed": "{organisation}, réclamé par {claimed}",
    "claimed alone": "réclamé par {claimed}",
    "unknown organisation": "—",
}

HELD_REASONS: Mapping[str, str] = {
    "scope": "hors de la portée du secret",
    "removal": "retirerait trop d'entrées",
    "cancellation": "montré « ANNULÉ »",
}
"""Why something was set aside, in a table."""

HELD_MEANINGS: Mapping[str, str] = {
    "scope": "Le secret qui les a signés ne peut pas parler pour l'organisation de l'événement. Rien n'a été changé. "
    "Appliquer fait croire ce qu'ils disent ; écarter laisse tout comme c'est.",
    "removal": "En une heure ou un jour, trop d'entrées à venir auraient disparu. Elles restent dans les calendriers. "
    "Vérifiez-en quelques-unes dans RDV Service Public avant d'appliquer.",
    "cancellation": "Beaucoup de rendez-vous ont été annulés d'un coup. Ils se voient « ANNULÉ » et libres. Appliquer "
    "retire ces entrées ; écarter les laisse ainsi.",
}
"""The same in sentences, with what a decision does."""

HELD_DONE: Mapping[str, str] = {
    "release": "Appliqués : {count}. Les calendriers suivent.",
    "drop": "Écartés : {count}.",
    "none": "Rien n'attendait plus : cela a été décidé entre-temps.",
    "left": "Il en reste {count} dans ce groupe : recommencez.",
}
"""What a page says after a decision."""
