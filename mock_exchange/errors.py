"""The two kinds of EWS errors: for one item, and for the whole request."""


class EwsError(Exception):
    """One item, folder or name failed: becomes a response message of class Error."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text or f"The mock answers {code}."


class SoapFault(Exception):  # the wire's own word
    """The whole request failed: becomes a SOAP fault with HTTP status 500."""

    def __init__(self, code: str, text: str = "", back_off_ms: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.text = text or f"The mock answers {code}."
        self.back_off_ms = back_off_ms
