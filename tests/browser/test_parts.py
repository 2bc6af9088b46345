"""Connections, system status, catalog and activity."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from playwright.sync_api import expect

from tests.browser.airflow import PageAirflow
from tests.browser.conftest import Window, go


def test_system_status_shows_what_depends_on_what(window: Window) -> None:
    page = window("viewer", "/system")
    for name in ("system_refresh", "senior", "grown-up", "seniors"):
        expect(page.get_by_text(name, exact=True).filter(visible=True).first).to_be_visible()
    expect(page.get_by_text("125").filter(visible=True).first).to_be_visible()
    expect(page.get_by_role("button", name="Check the installation")).to_have_attribute("aria-disabled", "true")
    page = window("admin", "/system")
    page.get_by_role("button", name="Check the installation").click()
    findings = page.get_by_role("region", name="Findings").get_by_role("row")
    expect(findings.filter(has_text="creates files only if they are absent")).to_contain_text("ok")
    expect(findings.filter(has_text="its scheduler, DAG processor and triggerer are alive")).to_contain_text("ok")
    expect(findings.filter(has_text="unexpected error")).to_have_count(0)


def test_the_catalog_says_who_uses_what(window: Window) -> None:
    page = window("viewer", "/catalog")
    segment = page.get_by_role("row").filter(has_text="age >= 65")
    expect(segment.get_by_text("125")).to_be_visible()
    expect(segment.get_by_role("link", name="seniors", exact=True)).to_be_visible()


def test_members_over_time(airflow: PageAirflow, window: Window) -> None:
    airflow.refresh()
    page = window("viewer", "/catalog")
    page.get_by_role("button", name="Members of senior over time").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("img", name="Members of")).to_be_visible()
    expect(dialog.get_by_role("table").get_by_text("125").nth(1)).to_be_visible()


def test_viewers_see_names_and_types_of_connections_only(window: Window) -> None:
    page = window("viewer", "/connections")
    expect(page.get_by_text("Partner drop").filter(visible=True).first).to_be_visible()
    expect(page.get_by_text("Finance ledger").filter(visible=True).first).to_be_visible()
    expect(page.get_by_role("button", name="Add connection")).to_have_attribute("aria-disabled", "true")


def test_an_administrator_creates_a_connection_with_its_secrets(airflow: PageAirflow, window: Window) -> None:
    page = window("admin", "/connections")
    page.get_by_role("button", name="Add connection").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=False).first.fill("vault")
    dialog.get_by_label("Type").first.select_option("s3")
    dialog.get_by_role("button", name="Create an Airflow connection").click()
    new = dialog.get_by_role("group", name="New Airflow connection")
    new.get_by_label("Connection id").fill("vault_keys")
    new.get_by_label("Login").fill("AKIAVAULT")
    new.get_by_label("Password").fill("hunter-two")
    new.get_by_role("button", name="Create in Airflow").click()
    expect(dialog.get_by_text("Airflow has it, of type aws")).to_be_visible()
    dialog.get_by_label("Bucket").fill("acme-vault")
    dialog.get_by_label("Shared with").fill("marketing")
    expect(dialog.get_by_text("+airflow_conn_id: vault_keys")).to_be_visible()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Connection vault saved")).to_be_visible()
    written = (airflow.include / "connections" / "vault.yaml").read_text()
    assert "bucket: acme-vault" in written
    assert "marketing" in written
    assert "hunter-two" not in page.content() + written
    kept = airflow.rest.get("connections/vault_keys")
    assert (kept["conn_type"], kept["login"]) == ("aws", "AKIAVAULT")


def test_an_administrator_adds_and_tests_a_connection(airflow: PageAirflow, window: Window) -> None:
    text = "title: Archive\ntype: local\nairflow_conn_id: deliveries\nfolder: archive\n"
    airflow.declare("connections/archive.yaml", text)
    page = window("admin", "/connections", fresh=True)
    expect(page.get_by_text("Archive").filter(visible=True).first).to_be_visible()
    go(page, "/connections/archive")
    page.get_by_role("button", name="Test").first.click()
    expect(page.get_by_text("The connection works").filter(visible=True).first).to_be_visible()


def test_usage_shows_the_contract_year(airflow: PageAirflow, window: Window) -> None:
    airflow.run("orders_daily")
    airflow.run("seniors")
    page = window("viewer", "/usage")
    expect(page.get_by_text("70 MB").first).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Delivered in .* entitlement 70 MB$"))).to_be_visible()
    counted = page.get_by_role("table", name="Dataset exports by connection").get_by_role("row")
    expect(counted.filter(has_text="dataset-export").filter(has_text="partner-drop")).to_have_count(1)
    expect(counted.filter(has_text="segment-export")).to_have_count(0)
    apart = page.get_by_role("table", name="Other exports by connection").get_by_role("row")
    expect(apart.filter(has_text="segment-export").filter(has_text="partner-drop")).to_have_count(1)
    year = datetime.now(UTC).year
    page.get_by_role("button", name=f"Contract year {year - 1}").click()
    expect(page.get_by_text("Dataset exports have delivered nothing.")).to_be_visible()
    expect(page.get_by_text(f"{year - 1}-01-01 to {year - 1}-12-31, UTC")).to_be_visible()
