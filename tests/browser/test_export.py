"""The page of one export: progress, history, timeline."""

from __future__ import annotations

from playwright.sync_api import expect

from sluice.airflow import runs
from sluice.airflow.names import dag_id
from sluice.audience.receipt import InboundReceipt
from tests.browser.airflow import PageAirflow
from tests.browser.conftest import Window, go
from tests.integration.stack import until

LONG = 600_000


def test_progress_of_a_running_export_and_a_running_export_is_cancelled(airflow: PageAirflow, window: Window) -> None:
    run = runs.trigger(airflow.rest, dag_id("endless"))
    page = window("contributor", f"/e/endless/runs/{run.run_id}")
    for task in ("Wait for refreshes", "Select rows", "Cut into chunks", "Send", "Publish", "Finish"):
        expect(page.get_by_text(task, exact=True).first).to_be_visible()
    expect(page.get_by_text("processing").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("records/s").first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("of 60,000 records").first).to_be_visible()
    page.get_by_role("button", name="Cancel job").first.click()
    page.get_by_role("alertdialog").get_by_role("button", name="Cancel job").click()
    assert airflow.ended("endless", run.run_id) == "failed"
    expect(page.get_by_text("cancelled").first).to_be_visible(timeout=LONG)
    left = [file for file in (airflow.root / "deliveries" / "partner").rglob("*") if "endless" in str(file)]
    assert left == []


def test_history_timeline_manifest_and_verify(airflow: PageAirflow, window: Window) -> None:
    airflow.run("ledger_orders")
    row, *_ = airflow.rest.fetch("/sluice/api/v1/exports/ledger_orders/runs").json()["rows"]
    kept = (
        airflow.root
        / "staging"
        / "page"
        / "deliveries"
        / "ledger_orders"
        / "inbound"
        / row["flow_run_id"]
        / "mail.json"
    )
    kept.parent.mkdir(parents=True)
    kept.write_text(InboundReceipt(files=("part.csv",), received=60_000, stored=59_998).model_dump_json())
    page = window("admin", "/e/ledger_orders/history")
    table = page.get_by_role("table", name="Runs of ledger_orders")
    expect(table.get_by_text("successful").first).to_be_visible()
    expect(table.get_by_text("60,000").first).to_be_visible()
    table.get_by_role("button", name="Show the details").first.click()
    expect(page.get_by_text("manifest-ledger-").first).to_be_visible()
    expect(page.get_by_text("Audience Manager stored 59,998 of 60,000 records")).to_be_visible()
    page.get_by_role("button", name="Verify").first.click()
    page.get_by_role("alertdialog").get_by_role("button", name="Verify").click()
    page.wait_for_url("**/e/ledger_orders/runs/**", timeout=LONG)
    expect(page.get_by_text("verified", exact=True).first).to_be_visible(timeout=LONG)
    expect(page.get_by_text("is as its manifest says").first).to_be_visible()
    go(page, "/e/ledger_orders/history")
    expect(table.get_by_text("verified", exact=True).first).to_be_visible()
    table.get_by_role("button", name="Show the details").nth(1).click()
    expect(page.get_by_role("link", name="The run that compared it")).to_be_visible()
    go(page, "/e/ledger_orders/timeline")
    expect(page.get_by_text("Delivered 60,000 records").first).to_be_visible()


def test_a_delivery_is_sent_again(airflow: PageAirflow, window: Window) -> None:
    run = airflow.run("adults")
    page = window("contributor", f"/e/adults/runs/{run}")
    page.get_by_role("button", name="Resend").first.click()
    page.locator("[role=alertdialog], [role=dialog]").last.get_by_role("button", name="Resend").click()

    def again() -> str | None:
        [last] = runs.last(airflow.rest, dag_id("adults"), 1)
        return last.run_id if last.run_id != run else None

    assert airflow.ended("adults", until("the resend", again)) == "success"


def test_an_export_that_does_not_exist(window: Window) -> None:
    page = window("viewer", "/e/nothing_here")
    expect(page.get_by_text("This export does not exist")).to_be_visible()
