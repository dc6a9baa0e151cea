"""A table at the end: which bug was noticed by which test."""

from __future__ import annotations


def pytest_terminal_summary(terminalreporter):
    noticed = [dict(report.user_properties) for report in terminalreporter.getreports("passed")]
    rows = [properties for properties in noticed if "bug" in properties]
    if rows:
        terminalreporter.section("bugs that the tests notice")
        terminalreporter.write("| bug | noticed by |\n|---|---|\n")
        for row in rows:
            terminalreporter.write(f"| {row['bug']} | {row['noticed by']} |\n")
