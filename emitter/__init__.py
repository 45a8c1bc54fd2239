"""RDV Service Public and rdv-insertion, as a receiver of their webhooks meets them.

Payloads of every generation, signatures, retries and disorder, for tests and demonstrations. Nothing here is shared
with the receiver, its connectors or the mock Exchange, signing least of all: an error made twice is an error seen.
Needs the standard library, requests and python-dateutil.
"""
