"""Several files, the same file again, and what a project holds already."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice.errors import DefinitionError
from sluice.workbench.imports import Given, import_files
from sluice.workbench.source import Source
from tests.unit.workbench.importing import declared, error, imported, line
from tests.unit.workbench.samples import EXPORT, MMP


def test_a_declared_segment_or_connection_is_used_again(include: Path) -> None:
    found = imported(include, mmp=MMP)
    for draft in found.drafts:
        draft.path.parent.mkdir(exist_ok=True)
        draft.path.write_bytes(draft.after or b"")
    shared = include / "connections" / "data-workbench.yaml"
    shared.write_text(shared.read_text() + "shared_with: [marketing]\n")

    again = imported(include, mmp=MMP)
    other = imported(include, mmp=MMP, stem="Other")

    assert again.drafts == ()
    assert [draft.path.name for draft in other.drafts] == ["other.yaml"]
    assert "is not what the import would write" in error(include, ("SID", "SIT"), mmp=MMP)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    sources = [Source(f"{name}.export", EXPORT.encode()) for name in ("User A", "user-a")]

    with pytest.raises(DefinitionError, match="both become the export `user-a`"):
        import_files(Given(sources), tmp_path)


def test_one_file_may_be_given_twice_but_not_two_of_one_name(include: Path) -> None:
    source = Source("User.export", EXPORT.encode())

    assert list(import_files(Given([source, source]), include).exports) == ["user"]
    with pytest.raises(DefinitionError, match="both become the export `user`"):
        import_files(Given([source, Source("User.export", EXPORT.replace("12345", "54321").encode())]), include)


def test_an_export_that_is_done_is_switched_off(include: Path) -> None:
    """Data Workbench has renamed the file: it would never run it again."""
    found = imported(include, stem="User.export.done-20150406133212")

    assert declared(found, "user")["enabled"] is False
    assert line(found, "(file name)").endswith("enabled: false: the export is done already")


def test_a_title_is_one_line(include: Path) -> None:
    assert "title" not in declared(imported(include, stem="a\nb"), "a-b")


def test_unknown_parameters_are_in_the_report(include: Path) -> None:
    found = imported(include, ("Oneshot", "One Shot = bool: true\nOneshot"))

    assert line(found, "One Shot").endswith("left out: unknown parameter: did you mean Oneshot")


def test_the_folder_of_declarations_exists(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="does not exist"):
        import_files(Given([Source("User.export", EXPORT.encode())]), tmp_path / "nowhere")
