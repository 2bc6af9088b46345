"""An import: the files of Data Workbench in, drafts of declarations and a report out. Nothing is written here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.definition.edit.printer import text_of
from sluice.definition.edit.write import Draft, content
from sluice.definition.load import load
from sluice.definition.memory import Memory
from sluice.definition.models.catalog import Segment
from sluice.definition.models.connection import Connection
from sluice.definition.settings import read_settings
from sluice.definition.yaml.parse import parse as parse_yaml
from sluice.errors import DefinitionError, FatalError, Place
from sluice.workbench.blocks import EXPORT_FILE, MMP_FILE, SERVERS_FILE, TARGET_FILE, USERS_FILE, Block
from sluice.workbench.connections import Imported, Needed, note_servers, of_mmp
from sluice.workbench.customers import account
from sluice.workbench.exports import Project, Read, export_of, is_done, no_two_alike
from sluice.workbench.mistakes import each
from sluice.workbench.parse import Entry, parse
from sluice.workbench.report import Line, Report
from sluice.workbench.sending import Files
from sluice.workbench.source import NOTHING_WRITTEN, Source


@dataclass(frozen=True)
class Given:
    """The files of an import, as far as they are given."""

    exports: Sequence[Source]
    mmp: Source | None = None
    servers: Source | None = None
    users: Source | None = None
    target: Source | None = None
    crs: str = ""
    """The name of the connection that gets customer attributes."""
    switched_off: bool = False
    """Whether the exports get `enabled: false`: they do not run until someone switches them on."""


@dataclass(frozen=True)
class Outcome:
    """The files that an import writes, and its report."""

    drafts: tuple[Draft, ...]
    report: tuple[Line, ...]
    needs: tuple[Needed, ...]
    """The Airflow connections that the secrets belong in."""
    exports: Mapping[str, str]
    """The exports, each with its connection; empty if it is detached."""
    unchanged: tuple[Path, ...] = ()
    """The files that are already as the import would write them."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """The commands that store the secrets in Airflow. They contain none."""
        return tuple(one.command for one in self.needs)


def import_files(given: Given, include: Path, catalog: Path | None = None, memory: Memory | None = None) -> Outcome:
    """What the files become in the project at `include`. `catalog` is the folder of the datasets, if it is another than
    that of the project: its files are added. Raises `DefinitionError`, with file and line, for the first mistake of
    each file."""
    if not include.is_dir():
        advice = f"create it, or a project with `sluice init`; {NOTHING_WRITTEN}"
        raise DefinitionError(f"the folder {include} does not exist", next_step=advice)
    brought = list(_brought(catalog, include / "catalog")) if catalog else []
    loaded = load(include, {draft.path: draft.after for draft in brought}, memory)
    for wrong in loaded.errors:  # they would hide datasets, and a Level would not be found
        if wrong.place and {"catalog", "project.yaml"} & set(Path(wrong.place.file).relative_to(include).parts):
            raise wrong
    roots = _roots(given)
    known = loaded.project
    report, project = Report(), Project(known.datasets, dict(known.segments), known.settings.commands)
    mmp = of_mmp(roots["mmp"], report) if "mmp" in roots else None
    crs = account(given.crs, declared=given.crs in known.connections) if given.crs else None
    files = Files(mmp, roots.get("servers"), roots.get("users"), crs)
    named = each(given.exports, lambda source: (Path(source.name).name, parse(source, EXPORT_FILE)))
    no_two_alike(named)
    read = each(named, lambda one: export_of(*one, project, files, report))
    for export in read if given.switched_off else ():
        export.values["enabled"] = False
    note_servers(files.servers, files.users, [one.server for one in read if one.server], report)
    wanted = _texts(read, mmp, include, loaded.project.connections)
    drafts = [*_added(wanted, include), *_segments(project.new_segments, include, brought)]
    return Outcome(
        drafts=tuple(draft for draft in drafts if draft.before != draft.after),
        report=(*report.lines([*roots.values(), *(root for _, root in named)]), *_done(named)),
        needs=_needs(read, mmp),
        exports={one.name: str(one.values["connection"]) for one in read},
        unchanged=tuple(draft.path for draft in drafts if draft.before == draft.after),
    )


def _done(named: Sequence[tuple[str, Entry]]) -> Iterator[Line]:
    """Data Workbench renames an export that runs once, when it has run."""
    for name, root in named:
        if is_done(name):
            yield Line(root.source.name, 1, "(file name)", "changed", "enabled: false: the export is done already")


def _roots(given: Given) -> dict[str, Entry]:
    kinds: dict[str, tuple[Source | None, Block]] = {
        "mmp": (given.mmp, MMP_FILE),
        "servers": (given.servers, SERVERS_FILE),
        "users": (given.users, USERS_FILE),
        "target": (given.target, TARGET_FILE),
    }
    return {name: parse(source, block) for name, (source, block) in kinds.items() if source is not None}


def _brought(catalog: Path, own: Path) -> Iterator[Draft]:
    """The files of another catalog, as drafts of this project's."""
    if not catalog.is_dir():
        what = f"{catalog} is not a folder"
        raise DefinitionError(what, next_step=f"name the folder with datasets.yaml; {NOTHING_WRITTEN}")
    if catalog.resolve() == own.resolve():
        return
    for path in sorted(catalog.rglob("*.yaml")):
        there = own / path.relative_to(catalog)
        before, after = content(there), path.read_bytes()
        if before is not None and before != after:
            what = f"{there} differs from {path}"
            raise DefinitionError(what, next_step=f"leave out --catalog, or make them equal; {NOTHING_WRITTEN}")
        yield Draft(there, before, after)


def _connections(read: Sequence[Read], mmp: Imported | None) -> dict[str, Mapping[str, Any]]:
    """Every connection by name. Two folders of one server are two connections."""
    found: dict[str, Mapping[str, Any]] = {mmp.name: mmp.values} if mmp else {}
    for one in read:
        if one.connection is None or not one.connection.values:
            continue
        name, number = one.connection.name, 1
        while found.get(name, one.connection.values) != one.connection.values:
            number += 1
            name = f"{one.connection.name[:95]}-{number}"
        found[name] = one.connection.values
        one.values["connection"] = name
    return found


def _texts(
    read: Sequence[Read], mmp: Imported | None, include: Path, there: Mapping[str, Connection]
) -> dict[Path, str]:
    defaults = read_settings(include).defaults
    texts = {
        include / "connections" / f"{name}.yaml": text_of("connection", {"name": name, **values})
        for name, values in _connections(read, mmp).items()
        if not (name in there and _is(there[name], values))
    }
    for one in read:
        path = include / "exports" / f"{one.name}.yaml"
        texts[path] = text_of("export", one.values, defaults)
    return texts


def _is(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Whether a declared connection is the one that the files describe. Its other keys may have been changed."""
    own = connection.destination
    same = {key: getattr(own, key, None) for key in ("type", "bucket", "airflow_conn_id") if key in values}
    root = "/" if str(values["folder"]).startswith("/") else ""
    folder = root + str(values["folder"]).strip("/")
    return folder == own.folder and all(values[key] == value for key, value in same.items())


def _added(texts: Mapping[Path, str], include: Path) -> list[Draft]:
    there = {path.stem: path for path in (include / "exports").rglob("*.yaml")}

    def draft(one: tuple[Path, str]) -> Draft:
        path, after = one[0], one[1].encode()
        path = there.get(path.stem, path) if path.parent.name == "exports" else path
        before = content(path)
        if before is not None and before != after:
            what = f"{path} already exists, and is not what the import would write"
            advice = f"rename the file that is imported, or remove the declaration; {NOTHING_WRITTEN}"
            raise DefinitionError(what, place=Place(str(path)), next_step=advice)
        return Draft(path, before, after)

    return each(texts.items(), draft)


def _segments(new: Mapping[str, Segment], include: Path, brought: Sequence[Draft]) -> Iterator[Draft]:
    """The brought files of the catalog, and the new segments at the end of their file."""
    path = include / "catalog" / "segments.yaml"
    others = [draft for draft in brought if draft.path != path]
    yield from others
    own = next((draft for draft in brought if draft.path == path), None)
    before = own.before if own else content(path)
    now = (own.after if own else before) or b""
    if not new and own is None:
        return
    if now.strip() and not isinstance(parse_yaml(now, str(path)).value, dict):
        raise FatalError(f"{path} cannot be added to", next_step="correct it first")
    end = b"" if not now or now.endswith(b"\n") else b"\n"
    text = "".join(text_of("segment", one.model_dump(exclude_defaults=True)) for one in new.values())
    yield Draft(path, before, now + end + text.encode())


def _needs(read: Sequence[Read], mmp: Imported | None) -> tuple[Needed, ...]:
    """The Airflow connections, each once: a server that one export logs in to by key and another by password has
    both."""
    found: dict[str, Needed] = {}
    for one in (mmp, *(export.connection for export in read)):
        for need in one.needs if one is not None else ():
            found[need.conn_id] = found[need.conn_id].and_also(need) if need.conn_id in found else need
    return tuple(found.values())
