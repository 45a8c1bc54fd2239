"""Exchange Web Services. exchangelib's own words stay in here."""

from connectors.ews.connector import EwsConnector
from connectors.ews.settings import EwsSettings

__all__ = ["EwsConnector", "EwsSettings"]
