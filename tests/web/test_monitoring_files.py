"""What is delivered beside `/metrics`: alert rules, a dashboard, a guide. All name what exists, and all of it."""

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from receiver.core.troubles import Code
from receiver.store import Store
from tests.requirements import require
from tests.web.metrics_scrape import Scraped, suffer

TOP = Path(__file__).parents[2]
RULES = TOP / "deploy/prometheus/rdv-receiver.rules.yml"
DASHBOARD = TOP / "deploy/grafana/rdv-receiver.json"
GUIDE = (TOP / "docs/fr/supervision.md").read_text("utf-8")
RUNBOOK = (TOP / "docs/fr/depannage.md").read_text("utf-8")
PREFIX = "rdv_receiver_"

on_sqlite = pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return found


def expressions() -> list[str]:
    """Every question that rules and dashboard put, with Grafana's variables filled in."""
    asked = [rule["expr"] for rule in rules()]
    asked += [target["expr"] for panel in panels() for target in panel.get("targets", [])]
    return [one.replace("$__rate_interval", "5m").replace("$job", "rdv-receiver") for one in asked]


def promtool() -> str:
    found = shutil.which("promtool")
    require(found, "promtool is not installed (Debian's package prometheus)")
    return str(found)


@pytest.fixture
def scrape(store: Store, tmp_path: Path) -> dict[str, set[str]]:
    """Everything that a scrape can show: each name with its labels."""
    scraped = Scraped(store, tmp_path)
    suffer(store)
    scraped.post()
    scraped.post(secret="wrong")
    samples = [sample for family in scraped.families().values() for sample in family.samples]
    return {sample.name: set(sample.labels) for sample in samples}


@on_sqlite
def test_rules_and_dashboard_ask_for_metrics_and_labels_that_exist(scrape: dict[str, set[str]]) -> None:
    labels = set().union(*scrape.values()) | {"job"}
    for expression in expressions():
        names = set(re.findall(rf"\b{PREFIX}\w+", expression))
        assert names <= scrape.keys(), expression
        used = set(re.findall(r"(\w+)(?:=~|!=|!~|=)\"", expression))
        used |= {each.strip() for grouped in re.findall(r"by \(([^)]*)\)", expression) for each in grouped.split(",")}
        assert used <= labels, expression


@on_sqlite
def test_the_guide_names_every_metric_with_its_labels(scrape: dict[str, set[str]]) -> None:
    table = GUIDE.partition("## Les mesures")[2]
    told = {
        PREFIX + name: set(re.findall(r"`(\w+)`", labels))
        for name, labels in re.findall(r"^\| `(\w+)` \| ([^|]*)\|", table, re.MULTILINE)
    }
    assert told == scrape


@on_sqlite
def test_the_dashboard_shows_every_metric(scrape: dict[str, set[str]]) -> None:
    shown = {name for one in expressions() for name in re.findall(rf"\b{PREFIX}\w+", one)}
    assert scrape.keys() <= shown


def test_every_trouble_has_a_rule_and_a_chapter() -> None:
    """But the ones in which nothing can be scraped: then the first rule fires."""
    codes = [code for rule in rules() for code in re.findall(r'trouble\{code="(\w+)"\}', rule["expr"])]
    assert sorted(codes) == sorted(set(Code) - {Code.STORE_UNREACHABLE, Code.STORE_VANISHED})
    for rule in rules():
        document, _, chapter = rule["annotations"]["runbook"].partition("#")
        assert (TOP / document).is_file()
        assert not chapter or f"\n## {chapter}\n" in RUNBOOK


def test_rules_say_what_is_wrong_in_words() -> None:
    for rule in rules():
        assert rule["alert"].startswith("RdvReceiver")
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]


def test_promtool_accepts_the_rules() -> None:
    checked = subprocess.run([promtool(), "check", "rules", RULES], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_promtool_understands_what_the_dashboard_asks(tmp_path: Path) -> None:
    recorded = [{"record": f"question{number}", "expr": one} for number, one in enumerate(expressions())]
    file = tmp_path / "questions.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}), "utf-8")
    checked = subprocess.run([promtool(), "check", "rules", file], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def test_a_trouble_that_two_hosts_tell_is_one_alert(tmp_path: Path) -> None:
    """And it comes after five minutes, as grave as the program says, with the server's name in its words."""
    trouble = 'rdv_receiver_trouble{code="server_failing",severity="alarm",subject="exchange",cause="timeout"'
    told = [{"series": f'{trouble},job="rdv-receiver",instance="{host}"}}', "values": "1x20"} for host in "ab"]
    up = [{"series": f'up{{job="rdv-receiver",instance="{host}"}}', "values": "1x20"} for host in "ab"]
    name = "RdvReceiverServeurEnEchec"
    annotations = next(rule["annotations"] for rule in rules() if rule["alert"] == name)
    words = annotations | {"summary": "Le serveur exchange est en échec (timeout)"}
    labels = {"code": "server_failing", "severity": "alarm", "subject": "exchange"}
    alert = {"exp_labels": labels, "exp_annotations": words}
    tests = {
        "rule_files": [str(RULES)],
        "tests": [
            {
                "interval": "1m",
                "input_series": told + up,
                "alert_rule_test": [
                    {"eval_time": "4m", "alertname": name, "exp_alerts": []},
                    {"eval_time": "6m", "alertname": name, "exp_alerts": [alert]},
                    {"eval_time": "6m", "alertname": "RdvReceiverInjoignable", "exp_alerts": []},
                ],
            }
        ],
    }
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps(tests), "utf-8")
    checked = subprocess.run([promtool(), "test", "rules", file], check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_dashboard_can_be_imported_anywhere() -> None:
    """No data source of ours is named; panels have numbers and places of their own, and a French title."""
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    assert "id" not in dashboard
    assert [each["name"] for each in dashboard["templating"]["list"]] == ["datasource", "job"]
    asking = [panel for panel in panels() if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in asking} == {"${datasource}"}
    assert {target["datasource"]["uid"] for panel in asking for target in panel["targets"]} == {"${datasource}"}
    assert len({panel["id"] for panel in panels()}) == len(panels())
    assert all(panel["title"] for panel in panels())


def test_no_panel_covers_another() -> None:
    for one, other in combinations([panel["gridPos"] for panel in panels()], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
        assert one["x"] + one["w"] <= 24
