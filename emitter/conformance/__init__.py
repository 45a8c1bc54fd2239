"""Conformance checks: any receiver against the wire contract, point by point, from outside.

The points are in tables (`webhook_points`, `calendar_points`). The client (`bench`) and the reader of calendars
(`calendar_reader`) know no verdicts.
"""
