"""The two kinds of EWS errors: for one item, and for the whole request."""

from collections.abc import Mapping

NO_VALUES: Mapping[str, str] = {}


class EwsError(Exception):
    """One item, folder or name failed: becomes a response message of class Error."""

    def __init__(self, code: str, text: str = "", values: Mapping[str, str] = NO_VALUES) -> None:
        super().__init__(code)
        self.code = code
        self.text = text or f"The mock answers {code}."
        self.values = values
        """The named values of its MessageXml."""


class SoapFault(Exception):  # the wire's own word
    """The whole request failed: becomes a SOAP fault with HTTP status 500."""

    def __init__(self, code: str, text: str = "", values: Mapping[str, str] = NO_VALUES) -> None:
        super().__init__(code)
        self.code = code
        self.text = text or f"The mock answers {code}."
        self.values = values
        """The named values of its MessageXml."""
