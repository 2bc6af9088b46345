"""Ids of visitors in Audience Manager's inbound files: their kinds, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

IdKind = Literal["aam-uuid", "dpuuid", "gaid", "idfa", "roku", "any"]
GLOBAL: Mapping[int, IdKind] = {0: "aam-uuid", 20914: "gaid", 20915: "idfa", 121963: "roku"}
"""The data sources that all customers share, with the kind of their ids."""
_UUID = "[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}"
_KINDS: Mapping[str, tuple[str, str]] = {
    "aam-uuid": ("^[0-9]{38}$", "is not 38 digits"),
    "dpuuid": ("^(?:[^:%]|%(?:[^3]|$)|%3(?:[^Aa]|$))*$", "contains a colon, which no DPUUID may have"),
    "gaid": (f"^{_UUID.replace('A-F', 'a-f')}$", "is not an advertising id of Android, in lower case"),
    "idfa": (f"^{_UUID}$", "is not an IDFA, in upper case"),
    "roku": (f"^(?i:{_UUID})$", "is not an advertising id of Roku"),
}
"""The pattern of each kind of id, and what is wrong with any other text. `%3A` is a colon, too."""


def wrong_id(id_: pl.Expr, name: str, kind: IdKind) -> pl.Expr:
    """For each id in the column `name`, as text, what is wrong with it, or null."""
    import polars as pl

    wrong = {
        "has no visitor's id": id_.is_null() | (id_ == ""),
        "contains a tab, a line break or a control character": id_.str.contains(r"[\x00-\x1f\x7f]"),
        "starts or ends with a space": id_.str.contains(r"^\s|\s$"),
    }
    if kind in _KINDS:
        pattern, said = _KINDS[kind]
        wrong[said] = ~id_.str.contains(pattern)
    return pl.coalesce(pl.when(test).then(pl.lit(f"column `{name}` {said}")) for said, test in wrong.items())
