"""`sluice init`: create a project with an example of each declaration."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sluice.errors import FatalError
from sluice.extras import DISTRIBUTION

_RENAMED = {"gitignore": ".gitignore", "vscode": ".vscode"}
"""Files that are hidden in a project, but not in the package."""
_TEMPLATE = ".template"
"""The suffix that keeps a DAG file from being a module of the package."""


def init(args: Namespace) -> int:
    """Write the project's files; none if one of them already exists."""
    from sluice.definition.schema.json_schema import schemas

    root = Path(args.folder)
    texts = dict(_starter(files("sluice") / "starter"))
    texts |= {f".vscode/sluice/{name}.json": f"{json.dumps(one, indent=2)}\n" for name, one in schemas().items()}
    there = sorted(name for name in texts if (root / name).exists())
    if there:
        raise FatalError(
            f"{root} already has {', '.join(there)}: nothing was written",
            next_step="name an empty folder, or one without these files",
        )
    for name, text in texts.items():
        _write(root / name, text)
    print(f"{len(texts)} files written to {root}")
    print("next: put your data in lake/, or point the connection `lake` to it; then, in that folder:")
    print("  sluice discover lake . --write     declares a dataset for each table")
    print("  sluice check")
    return 0


def _starter(folder: Traversable, inside: str = "") -> Iterator[tuple[str, str]]:
    """The files of a folder of the package: their names in the project, and their texts."""
    for one in folder.iterdir():
        name = inside + _RENAMED.get(one.name, one.name).removesuffix(_TEMPLATE)
        if one.is_dir():
            if one.name != "__pycache__":
                yield from _starter(one, f"{name}/")
        else:
            yield name, one.read_text(encoding="utf-8").replace("@VERSION@", version(DISTRIBUTION))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as failed:
        raise FatalError(
            f"{failed.filename or path} cannot be written: {failed.strerror}",
            next_step="name a folder that you may write to",
        ) from failed
