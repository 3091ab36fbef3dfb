"""The verb with actions of its own."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path
from typing import Any

import pytest

from svbench.cli.main import OK, USAGE, main
from svbench.cli.verbs.listen import ACTIONS


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_help(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", action, "--help"]) == OK
    assert f"usage: svbench listen {action}" in capsys.readouterr().out


def test_an_unknown_action_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "bild"]) == USAGE
    assert "svbench listen: argument ACTION: invalid choice: 'bild'" in capsys.readouterr().err


def test_a_missing_extra_says_how_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] in ("starlette", "sqlalchemy"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest, **more)

    for name in [m for m in sys.modules if m.startswith(("svbench.listening", "svbench.cli.listening"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["listen", "serve", str(tmp_path)]) == USAGE
    assert "pip install '.[listen]' in the checkout of svbench" in capsys.readouterr().err
