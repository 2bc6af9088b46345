"""`sluice schema`: the JSON Schemas for editors, and the reference of every key."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def schema(args: argparse.Namespace) -> int:
    """Print the names of the schemas, or one schema, or write all of them with the reference. Returns 0."""
    from sluice.definition.errors.problem import unknown
    from sluice.definition.schema.json_schema import schemas

    known = schemas()
    if args.write:
        _write(Path(args.write))
    elif args.kind is None:
        print("\n".join(known))
    elif args.kind in known:
        print(json.dumps(known[args.kind], indent=2))
    else:
        raise unknown((), args.kind, known, f"there is no schema `{args.kind}`", "name one of these").error()
    return 0


def _write(docs: Path) -> None:
    for path, text in written(docs).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)


def written(docs: Path) -> dict[Path, str]:
    """The files that `--write` writes: the schemas, and the page of all keys if it exists."""
    from sluice.definition.schema.json_schema import schemas
    from sluice.definition.schema.reference import fill

    page = docs / "declarations.md"
    files = {docs / "schema" / f"{name}.json": json.dumps(found, indent=2) + "\n" for name, found in schemas().items()}
    return files | ({page: fill(page.read_text(encoding="utf-8"))} if page.exists() else {})
