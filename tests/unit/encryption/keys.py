"""OpenPGP keys as Airflow connections hold them."""

from __future__ import annotations

from dataclasses import dataclass

from pysequoia import Tsk

from sluice.model.access import KeyAccess


@dataclass(frozen=True)
class Key:
    """A new key pair; `lives` for so many seconds."""

    secret: Tsk

    @classmethod
    def new(cls, user: str = "partner@example.com", lives: int | None = None) -> Key:
        return cls(Tsk.generate(user, validity_seconds=lives))

    @property
    def public(self) -> str:
        return str(self.secret.extract_certificate())

    @property
    def private(self) -> str:
        return str(self.secret)

    def access(self, *, private: bool = False) -> KeyAccess:
        return KeyAccess(private_key=self.private) if private else KeyAccess(public_key=self.public)
