"""Changes of the plan that neither its tests nor the explorer notice, and why each may stay unnoticed."""

SURVIVORS: dict[str, str] = {
    "`looked_up`, `placement.open_creates >= 0`": (
        "the same: without an open create, and with nothing applied, no item is explained, and so none is kept"
    ),
}
