"""The configuration of each machine of the drill: three sources, one Exchange, timings thirty times shorter."""

from pathlib import Path

from emitter.scenarios.cast import MDS, MDS_LENS
from tests.chaos.workload import DOMAIN

TIMEOUT_S = 1
"""Thirty times shorter than usual, and so is all that is derived from it: look-ups, leases, second look-ups."""

TEMPLATE = """\
store:
  url: {store}
sources:
  arras: {{emitter: rdv_service_public, platform: production, organisations: [{arras}], secrets: [{secret}]}}
  lens: {{emitter: rdv_service_public, platform: production, organisations: [{lens}], secrets: [{secret}]}}
  insertion: {{emitter: rdv_insertion, platform: production, secrets: [{secret}]}}
calendars:
  exchange:
    kind: ews
    server: {server}
    version: Exchange2016
    auth: ntlm
    access: impersonation
    username: 'MAIRIE\\svc-rdv'
    password: {{env: RDV_EXCHANGE_PASSWORD}}
    timeout_s: {timeout_s}
mailboxes:
  domains: {{{domain}: {domain}}}
web:
  listen: 127.0.0.1:{port}
  processes: 2
  threads: 8
"""


def write(path: Path, store: str, server: str, port: int) -> Path:
    """Write the file of one machine; return its path."""
    text = TEMPLATE.format(
        store=store,
        server=server,
        port=port,
        arras=MDS.id,
        lens=MDS_LENS.id,
        secret="{env: RDV_WEBHOOK_SECRET}",
        domain=DOMAIN,
        timeout_s=TIMEOUT_S,
    )
    path.write_text(text, "utf-8")
    return path
