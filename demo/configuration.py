"""The configuration of a receiver that knows one source and one Exchange."""

from pathlib import Path

TEMPLATE = """\
store:
  url: sqlite:///{folder}/store.db
sources:
  mds:
    emitter: rdv_service_public
    platform: production
    secrets:
      - {{env: RDV_WEBHOOK_SECRET}}
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
  domains: {{departement.example: departement.example}}
# A demonstration at three in the morning is no audited night.
audit: {{scheduled: false}}
web:
  listen: 127.0.0.1:{port}
"""


def write(folder: Path, server: str, port: int, timeout_s: int = 10) -> Path:
    """Write the file; return its path."""
    path = folder / "config.yaml"
    path.write_text(TEMPLATE.format(folder=folder, server=server, port=port, timeout_s=timeout_s), "utf-8")
    return path
