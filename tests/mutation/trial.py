"""One edit on trial: a forked process plants it, runs the tests that reach it, then some seeds of the simulation.

The parent has imported the libraries and nothing of the product, so that a trial begins at once and with the edit in
place. Edits never touch the files of the tree.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

from tests.mutation.edits import Edit

LIBRARIES = (
    "pytest",
    "hypothesis",
    "orjson",
    "structlog",
    "pydantic",
    "aiohttp",
    "aiokafka",
    "faust",
    "oauthlib.oauth1",
)
_LEAST_SECONDS = 60.0
_TIMES = 5.0  # a trial may take so many times as long as its tests do as a rule
_SEED_SECONDS = 1.0

NOTICED, UNNOTICED, STUCK = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an edit: `by` says who noticed it, empty when nobody did."""

    edit: Edit
    by: str
    tests: int
    seconds: float
    said: str = ""

    @property
    def noticed(self) -> bool:
        return bool(self.by)


def preload() -> None:
    """Import what every trial needs, once."""
    for library in LIBRARIES:
        importlib.import_module(library)


@dataclass(slots=True)
class Trial:
    """A trial that is under way."""

    edit: Edit
    process: int
    report: Path
    begun: float
    until: float
    tests: int

    @classmethod
    def begin(cls, root: Path, edit: Edit, tests: Sequence[str], seconds: float, seeds: str, count: int) -> Trial:
        """Fork. `seconds` is what the tests take as a rule."""
        handle, name = tempfile.mkstemp(prefix="trial-", suffix=".txt")
        now = time.monotonic()
        until = now + max(_LEAST_SECONDS, _TIMES * seconds) + count * _SEED_SECONDS
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            os.setsid()
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            code = STUCK
            try:
                code = _noticed(root, edit, tests, seeds)
            except BaseException as error:  # the product cannot even be imported, or ends the process
                print(f"noticed by: {type(error).__name__}: {error}")
                code = NOTICED
            finally:
                sys.stdout.flush()
                os._exit(code)
        os.close(handle)
        return cls(edit, process, Path(name), now, until, len(tests))

    def ended(self) -> Verdict | None:
        """The verdict, once there is one; a trial that takes too long is ended, and was noticed."""
        process, status = os.waitpid(self.process, os.WNOHANG)
        seconds = time.monotonic() - self.begun
        if process == 0:
            if time.monotonic() < self.until:
                return None
            os.killpg(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
            self.report.unlink()
            return Verdict(self.edit, "does not end", self.tests, seconds)
        said = self.report.read_text(errors="replace")
        self.report.unlink()
        code = os.waitstatus_to_exitcode(status)
        if code == UNNOTICED:
            return Verdict(self.edit, "", self.tests, seconds)
        lines = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR", "seed ", "noticed by"))]
        return Verdict(self.edit, lines[0][:160] if lines else f"exit code {code}", self.tests, seconds, said[-2000:])


def _noticed(root: Path, edit: Edit, tests: Sequence[str], seeds: str) -> int:
    os.chdir(root)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    plant(root / edit.path, edit.applied((root / edit.path).read_bytes()))
    if tests:
        import pytest

        if pytest.main(["-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]) != 0:
            return NOTICED
    if seeds:
        from tests.simulation.__main__ import main

        if main(["--seeds", seeds, "--jobs", "1", "--no-shrink"]) != 0:
            return NOTICED
    return UNNOTICED


def plant(path: Path, source: bytes) -> None:
    """From now on this process imports the module at `path` from `source`."""
    planted, compiled_from_file = str(path.resolve()), SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        if str(Path(self.path).resolve()) == planted:
            return compile(source, self.path, "exec", dont_inherit=True)
        return compiled_from_file(self, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
