"""`sluice import-workbench` and `sluice export-workbench`: declarations from the files of Data Workbench, and back."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from sluice.definition.declarations import Declarations
from sluice.definition.edit.write import check
from sluice.definition.load import find
from sluice.errors import FatalError
from sluice.workbench.back import export_file
from sluice.workbench.imports import Given, Outcome, import_files
from sluice.workbench.source import Source, read


def import_workbench(args: Namespace) -> int:
    """Print how each parameter is imported, and write the declarations: all of them, or none. Returns 0."""
    include: Path = args.out
    given = Given(
        exports=[read(path) for path in args.export],
        mmp=_read(args.mmp, secret=True),
        servers=_read(args.ftp_servers),
        users=_read(args.ftp_credentials, secret=True),
        target=_read(args.target),
        crs=args.crs,
        switched_off=args.switched_off,
    )
    found = import_files(given, include, args.catalog)
    if args.dry_run:
        warnings = check(include, found.drafts)
    else:
        from sluice.commands.editing import change

        names = ", ".join(found.exports)
        warnings = change(include, "import-workbench", found.drafts, f"Import {names} from Data Workbench").warnings
    _show(found, dry_run=args.dry_run)
    for warning in warnings:
        print(f"warning: {warning.page()}", file=sys.stderr)
    return 0


def _show(found: Outcome, *, dry_run: bool) -> None:
    for line in found.report:
        print(line)
    counts = [(verdict, sum(line.verdict == verdict for line in found.report)) for verdict in _VERDICTS]
    print(
        f"\n{len(found.report)} parameters: {', '.join(f'{count} {verdict}' for verdict, count in counts if count)}\n"
    )
    for draft in found.drafts:
        print(f"{'would write' if dry_run else 'written'}: {draft.path}")
        if dry_run:
            sys.stdout.write(draft.difference() + "\n")
    for path in found.unchanged:
        print(f"already there: {path}")
    if found.secrets:
        print("\nstore the secrets in Airflow; each command asks for them, or takes them from the environment:")
    for command in found.secrets:
        print(f"  {command}")


def export_workbench(args: Namespace) -> int:
    """Print the `.export` file of an export, or write it and, for S3, `MMPExport.cfg` beside it. Returns 0."""
    project, export = find(Declarations(args.include), args.export)
    written = export_file(project, export)
    for line in written.left_out:
        print(f"left out: {line}", file=sys.stderr)
    if args.out is None:
        sys.stdout.write(written.export)
        return 0
    path = args.out / f"{written.stem}.export" if args.out.is_dir() else args.out
    files = {path: written.export} | ({path.with_name("MMPExport.cfg"): written.mmp} if written.mmp else {})
    if there := [str(one) for one in files if one.exists()]:
        raise FatalError(f"{' and '.join(there)} already there: nothing was written", next_step="name another --out")
    for one, text in files.items():
        _write(one, text)
        print(f"written: {one}")
    return 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\r\n")
    except OSError as failed:
        raise FatalError(
            f"{path} cannot be written: {failed.strerror}", next_step="name a file in a folder"
        ) from failed


_VERDICTS = ("taken", "changed", "secret", "left out", "empty")


def _read(path: Path | None, *, secret: bool = False) -> Source | None:
    return None if path is None else read(path, secret=secret)
