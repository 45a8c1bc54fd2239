"""The wire contract as a judge: any receiver, point by point, from the outside.

What is asked for stands in tables (`webhook_points`, `calendar_points`); how a receiver is spoken to (`bench`) and how
a calendar is read (`calendar_reader`) know nothing of verdicts.
"""
