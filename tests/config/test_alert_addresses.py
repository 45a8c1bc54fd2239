"""No alert goes anywhere unverified."""

from pathlib import Path

import pytest

from receiver.config import load
from receiver.config.loading import skips_verification
from tests.config.test_problems import ENVIRON, found, minimal, write


@pytest.mark.parametrize(
    "address",
    [
        "jsons://h?verify=no",
        "mailtos://u:p@h/?to=a@b.example&Verify=No",
        "mailtos://u:p@h?verify=0",
        "jsons://h?verify=off&to=x",
        "jsons://h?%76erify=%6eo",
        "jsons://h?verify=",
        "jsons://h?verify=peut-etre",
        "jsons://h?verify=yes&verify=no",
    ],
)
def test_an_address_that_asks_for_no_verification_is_known(address: str) -> None:
    assert skips_verification(address)


@pytest.mark.parametrize("address", ["jsons://h", "jsons://h?verify=yes", "jsons://h?to=verify", "jsons://verify=no"])
def test_others_are_left_alone(address: str) -> None:
    assert not skips_verification(address)


def test_it_is_refused_by_its_place_and_never_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENVIRON, "RDV_TO", "jsons://hunter2@h?verify=no")
    alerts = {"to": [{"env": "RDV_PASSWORD"}, {"env": "RDV_TO"}]}
    path = write(tmp_path, minimal() | {"alerts": alerts})
    assert found(path) == [("alerts.to[1]", "alert_not_verified")]
    with pytest.raises(Exception) as caught:  # noqa: PT011 -- its words are what matters
        load(path, ENVIRON)
    assert "hunter2" not in str(caught.value)
