"""The REST API of RDV Service Public: of an object its id, of a RDV its organisation's too, nothing of an usager."""

from receiver.rest.api import PAGE, Api, Endpoint, Standing
from receiver.rest.transport import RestError

__all__ = ["PAGE", "Api", "Endpoint", "RestError", "Standing"]
