"""The REST API of RDV Service Public, as far as a re-sync needs it: of an object its id, and nothing of an usager."""

from receiver.rest.api import PAGE, Api, Endpoint, Standing
from receiver.rest.transport import RestError

__all__ = ["PAGE", "Api", "Endpoint", "RestError", "Standing"]
