"""What distinguishes the two emitters: headers, signature and retries."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum

from emitter.delivery import Signer
from emitter.retries import RDV_INSERTION_WAITS_S, RDV_SERVICE_PUBLIC_WAITS_S
from emitter.signing import Scheme, headers


class Platform(StrEnum):
    """Who sends."""

    RDV_SERVICE_PUBLIC = "rdv_service_public"
    RDV_INSERTION = "rdv_insertion"

    @property
    def waits_s(self) -> tuple[int, ...]:
        """The waits between its attempts."""
        return RDV_INSERTION_WAITS_S if self is Platform.RDV_INSERTION else RDV_SERVICE_PUBLIC_WAITS_S

    @property
    def fixed_headers(self) -> dict[str, str]:
        """Headers of its HTTP client."""
        if self is Platform.RDV_INSERTION:
            return {
                "Content-Type": "application/json",
                "Accept": "application/json",
                "User-Agent": "Faraday v2.14.0",
            }
        return {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Typhoeus - https://github.com/typhoeus/typhoeus",
        }


def scheme(platform: Platform, signature: str | None = None) -> Scheme:
    """The scheme that a platform signs with; `hmac` (the default) or `jwt`.

    Raises:
        ValueError: RDV Service Public knows no bearer tokens.

    """
    if platform is Platform.RDV_SERVICE_PUBLIC:
        if signature == "jwt":
            raise ValueError("rdv_service_public signs with hmac only")
        return Scheme.LAPIN
    return Scheme.RDVI_JWT if signature == "jwt" else Scheme.RDVI_HMAC


def signer(
    platform: Platform,
    secret: str,
    signature: str | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Signer:
    """All headers of a request of this platform, from its body.

    Raises:
        ValueError: as `scheme`.

    """
    chosen = scheme(platform, signature)

    def sign_request(body: bytes) -> dict[str, str]:
        return {**platform.fixed_headers, **headers(chosen, body, secret, now())}

    return sign_request
