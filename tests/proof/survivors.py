"""Changes of the plan that neither its tests nor the explorer notice, and why each may stay unnoticed."""

SURVIVORS: dict[str, str] = {}
