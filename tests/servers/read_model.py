"""Reads a `model.json` with Microsoft's own library, and prints what it understood as JSON. Runs in `.servers/`:
`.servers/bin/python tests/servers/read_model.py FOLDER`."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import unquote

from cdm.enums import CdmStatusLevel
from cdm.objectmodel import CdmCorpusDefinition
from cdm.storage import LocalAdapter


class Files(LocalAdapter):  # type: ignore[misc] # the library has no types
    """A folder whose files are named by URIs, as those of a store are."""

    def create_corpus_path(self, path: str) -> str | None:
        found: str | None = super().create_corpus_path(unquote(path.removeprefix("file://")))
        return found


async def read(folder: str) -> dict[str, Any]:
    said: list[str] = []
    corpus = CdmCorpusDefinition()
    corpus.set_event_callback(lambda _, message: said.append(message), CdmStatusLevel.WARNING)
    corpus.storage.mount("local", Files(folder))
    corpus.storage.default_namespace = "local"
    manifest = await corpus.fetch_object_async("local:/model.json")
    entities = {}
    for declared in manifest.entities:
        entity = await corpus.fetch_object_async(declared.entity_path, manifest)
        partitions = {
            partition.location: {
                argument.name: argument.value
                for trait in partition.exhibits_traits
                if trait.named_reference == "is.partition.format.CSV"
                for argument in trait.arguments
            }
            for partition in declared.data_partitions
        }
        attributes = {attribute.name: attribute.data_format.name for attribute in entity.attributes}
        entities[declared.entity_name] = {"attributes": attributes, "partitions": partitions}
    return {"name": manifest.manifest_name, "entities": entities, "warnings": said}


print(json.dumps(asyncio.run(read(sys.argv[1]))))
