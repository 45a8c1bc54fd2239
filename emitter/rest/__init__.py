"""The platform's REST API (v1), as far as it concerns webhooks and their events.

What it does not do here, it does not do there: there is no way to read a plage d'ouverture, nor a RDV but by a list.
"""

from emitter.rest.accounts import Account
from emitter.rest.platform import Endpoint, Fault, RestPlatform
from emitter.rest.server import RestServer

__all__ = ["Account", "Endpoint", "Fault", "RestPlatform", "RestServer"]
