"""The choice of a port."""

from __future__ import annotations

import socket

from local.ports import LOOPBACK, free_port


def test_the_usual_port_where_it_is_free() -> None:
    usual = free_port()
    assert free_port(usual) == usual


def test_another_one_where_it_is_taken() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        taken = server.getsockname()[1]
        other = free_port(taken)
    assert other not in {0, taken}


def test_another_one_where_it_is_taken_on_every_interface() -> None:
    with socket.create_server(("", 0)) as server:
        taken = server.getsockname()[1]
        assert free_port(taken) != taken
