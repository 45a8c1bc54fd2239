"""Conformance checks: any receiver against the wire contract, point by point, from outside.

What is asked for stands in tables (`webhook_points`, `calendar_points`); how a receiver is spoken to (`bench`) and how
a calendar is read (`calendar_reader`) know nothing of verdicts.
"""
