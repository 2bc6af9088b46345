"""Refuses secrets in declarations, recognized by the name of their key or by their form.

No error shows the value or its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sluice.definition.yaml.position import Document, Path
from sluice.errors import DefinitionError

_KEY = re.compile(
    r"(?:^|_)(?:passwords?|passwd|pwd|passphrase|secrets?|tokens?|credentials?|authorization|sas(?:_(?:token|ur[il]))?"
    r"|(?:api|access|account|private|secret|shared|ssh|storage|encryption|signing)_?key(?:_id)?"
    r"|connection_?string|service_?account(?:_json)?|key_?file(?:_?json)?)$"
)
_LOOK = re.compile(
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bGOOG[A-Z0-9]{20,}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(?:Account|SharedAccess)Key\s*=\s*[^;\s]"
    r"|\bSharedAccessSignature\s*=\s*[^;\s]"
    r"|(?:^|[?&\s\"'])sig=[A-Za-z0-9%+/=_-]{16,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\."
    r"|\bgh[pousr]_[A-Za-z0-9]{30,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{10,}"
    r"|\bAIza[A-Za-z0-9_-]{35}\b"
    r"|\b[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@]*:[^\s/@]+@"
)
_KEY_OF_LINE = re.compile(r"""^[\s{\[,-]*["']?([A-Za-z0-9_-]+)["']?\s*:\s*\S""")


def find(document: Document) -> Sequence[tuple[Path, DefinitionError]]:
    """An error for each secret, with the path of its value. Hides every line that contains one."""
    if document.secrets is None:
        document.secrets = tuple(_search(document))
    return document.secrets


def _search(document: Document) -> Iterator[tuple[Path, DefinitionError]]:
    found = [(path, node, key) for path, node, key in document.walk() if _is_secret(path, node.value)]
    for _, node, key in found:
        document.hidden.update(range((key or node).line, max(node.line, node.last_line) + 1))
    for path, _, _ in found:
        yield path, _error(document, path)


def in_line(line: str) -> bool:
    """Whether a line of text seems to contain a secret; for files that could not be parsed."""
    key = _KEY_OF_LINE.match(line)
    return bool(_LOOK.search(line) or (key and names_secret(key[1])))


def possible(document: Document) -> bool:
    """Whether a line of the file, comments included, seems to contain a secret."""
    if document.suspicious is None:
        document.suspicious = any(in_line(line) for line in document.lines)
    return document.suspicious


def names_secret(key: str) -> bool:
    """Whether this is the name of a secret: `password`, `secretKey`, `sas-token`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower()
    return bool(_KEY.search(words))


def _is_secret(path: Path, value: Any) -> bool:
    if isinstance(value, dict):
        return any(_LOOK.search(key) for key in value)
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, str) and _LOOK.search(value):
        return True
    return bool(path) and names_secret(str(path[-1]))


def _error(document: Document, path: Path) -> DefinitionError:
    key = next((step for step in reversed(path) if isinstance(step, str)), "this file")
    shown = "a key" if _LOOK.search(key) else f"`{key}`"
    return DefinitionError(
        f"{shown} contains a secret, but declarations must not contain secrets",
        place=document.place(path, key=True),
        next_step=f"move it into {_conn_id(document.value, path)} (in the UI under Admin, Connections; with"
        " `sluice airflow connections add`; in a secrets backend; or in airflow_settings.yaml on your own machine),"
        " and replace the secret if this file was ever shared",
    )


def _conn_id(value: Any, path: Path) -> str:
    """The Airflow connection named by the nearest `airflow_conn_id` above the secret."""
    found = ""
    for step in (*path, None):
        if isinstance(value, dict) and isinstance(conn_id := value.get("airflow_conn_id"), str):
            found = conn_id
        if step is not None:
            value = value[step]
    safe = found and not _LOOK.search(found)
    return f"the Airflow connection `{found}`" if safe else "the Airflow connection that `airflow_conn_id` names"
