"""Connector for Exchange Web Services. Only this package imports exchangelib."""

from connectors.ews.connector import EwsConnector
from connectors.ews.settings import EwsSettings

__all__ = ["EwsConnector", "EwsSettings"]
