# SPDX-License-Identifier: ISC
"""Tests that need namespaces are skipped where there can be none; figures that tests measure are shown at the end."""

import pytest

import network

FIGURES = []


@pytest.fixture(autouse=True, scope="session")
def needs_namespaces():
    reason = network.missing()
    if reason:
        pytest.skip(reason)


@pytest.fixture(name="figure")
def fixture_figure():
    """figure(text) keeps a line for the end of the run."""
    return FIGURES.append


@pytest.fixture(name="make_network")
def fixture_make_network(closing):
    """make_network(count, …) gives a network.Network."""
    def make(count, **options):
        return closing(network.Network(count, **options))

    return make


def pytest_terminal_summary(terminalreporter):
    if FIGURES:
        terminalreporter.section("measured")
        for line in FIGURES:
            terminalreporter.line(line)
