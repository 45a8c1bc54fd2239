"""Who speaks for an organisation: of one emitter kind and one platform, one source only.

Two would each keep versions of the same event, and the slower would undo the newer's facts.
"""

from collections.abc import Mapping
from itertools import combinations

from receiver.config.settings import Source
from receiver.config.validate import Reader


def check_organisations(reader: Reader, sources: Mapping[str, Source]) -> None:
    """Report each pair of sources that may speak of the same organisation."""
    for first, second in combinations(sources.values(), 2):
        if (first.emitter, first.platform) == (second.emitter, second.platform):
            _check_pair(reader, first, second)


def _check_pair(reader: Reader, first: Source, second: Source) -> None:
    if first.organisations is None or second.organisations is None:
        anyone = first if first.organisations is None else second
        other = second if anyone is first else first
        reader.report(("sources", anyone.name), "organisations_unlimited", other=other.name)
    elif shared := first.organisations & second.organisations:
        ids = ", ".join(str(each) for each in sorted(shared))
        reader.report(("sources", second.name, "organisations"), "organisation_shared", other=first.name, ids=ids)
