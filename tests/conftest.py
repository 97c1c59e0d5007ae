"""What every test folder shares: the time budget of each folder (tests/budgets.toml)."""

import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


class Budgets:
    """Adds up how long each folder's tests took, and fails the run when one passes its budget."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds
        self.spent: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        folder = report.nodeid.split("/")
        if len(folder) > 2:
            self.spent[folder[1]] += report.duration

    def complaints(self) -> list[str]:
        """One line for each folder that has no budget or passed it."""
        lines = []
        for folder, spent in sorted(self.spent.items()):
            budget = self.seconds.get(folder)
            if budget is None:
                lines.append(f"tests/{folder} has no budget in tests/budgets.toml")
            elif spent > budget:
                lines.append(f"tests/{folder} took {spent:.1f} s; its budget is {budget:g} s")
        return lines

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self.complaints():
            terminalreporter.write_line(line, red=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.complaints() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: playwright keeps an event loop running in the thread of the tests,
    in which no asynchronous test could run its own."""
    items.sort(key=lambda item: item.nodeid.startswith("tests/browser/"))


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return  # the controller of pytest-xdist adds up
    with (TESTS / "budgets.toml").open("rb") as file:
        config.pluginmanager.register(Budgets(tomllib.load(file)["seconds"]), "budgets")
