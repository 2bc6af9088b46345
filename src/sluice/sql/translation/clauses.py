"""The clauses of a SELECT that are translated."""

from __future__ import annotations

from typing import Any

from sluice.sql.translation.spelling import UnlikeError
from sluice.sql.tree import Tree

_CLAUSES = {"LIMIT_MODIFIER": "LIMIT", "ORDER_MODIFIER": "ORDER BY", "DISTINCT_MODIFIER": "DISTINCT ON"}


def refuse_clauses(node: Tree) -> None:
    """Refuse whatever is not SELECT ... FROM ... WHERE ... GROUP BY ... HAVING. DISTINCT changes no set of keys."""
    if node["type"] != "SELECT_NODE":
        raise UnlikeError("it is more than one SELECT")
    for modifier in node["modifiers"]:
        if modifier["type"] != "DISTINCT_MODIFIER" or modifier["distinct_on_targets"]:
            raise UnlikeError(f"it uses {_CLAUSES.get(modifier['type'], 'another clause')}")
    wrong: dict[str, Any] = {
        "WITH": node["cte_map"]["map"],
        "a sample": node["sample"],
        "QUALIFY": node["qualify"],
        "GROUP BY ALL": node["aggregate_handling"] != "STANDARD_HANDLING",
        "grouping sets": node["group_sets"] not in ([], [list(range(len(node["group_expressions"])))]),
    }
    for what, present in wrong.items():
        if present:
            raise UnlikeError(f"it uses {what}")
