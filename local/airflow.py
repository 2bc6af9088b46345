"""A local Airflow: its environment and its processes, which start and stop in a fixed order."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from local import keys, postgres, redis, settings, workers
from local.layout import REPOSITORY, Layout
from local.place import place_of
from local.ports import LOOPBACK, free_port
from local.process import Process
from sluice.airflow.local import Local, inherited
from sluice.airflow.rest import Rest
from sluice.errors import FatalError, RetriableError

COMMANDS = {
    "api-server": ("api-server",),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "scheduler": ("scheduler", "--skip-serve-logs"),
}
"""Airflow's processes. None serves logs, because they all write to the folder that the API server reads."""
_OPTION = re.compile("AIRFLOW__[A-Z0-9_]+__[A-Z0-9_]+")
_PORT = "AIRFLOW__API__PORT"
PARSE = 600
"""The timeout, in seconds, for parsing the DAG file of all exports. After Airflow's default of 30, all would
disappear."""
PATIENCE = 180.0
"""Seconds that a process may take to start on a slow machine."""


@dataclass(frozen=True)
class Address:
    """The address of a local Airflow, and its login."""

    url: str
    user: str
    password: str


class Airflow:
    """One local Airflow, running or not."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def start(self, say: Callable[[str], None] = lambda _: None) -> Address:
        """Start everything and wait until it is healthy. Does nothing if it is already running.

        If it fails, everything that it started is stopped.
        """
        with self._one_at_a_time():
            if self.running():
                return self._started_before()
            self.stop()  # remains of an earlier one
            try:
                return self._start(say)
            except BaseException:
                self.stop()
                raise

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """If two commands start the same Airflow at the same time, the second one waits, and finds it running."""
        self.layout.home.mkdir(parents=True, exist_ok=True)
        self.layout.home.chmod(0o700)  # logs, staging and database records are private to this user
        with (self.layout.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _start(self, say: Callable[[str], None]) -> Address:
        if taken := overrides():
            say(f"taken from the environment: {', '.join(sorted(taken))}")
        port = free_port(int(taken.get(_PORT) or self.layout.port))
        address = Address(f"http://{LOOPBACK}:{port}", keys.ADMIN, self._keys.password)
        database = _database(self.layout)
        if not database:
            say("starting the database")
            database = postgres.start(self.layout)
        broker = redis.start(self.layout) if self.layout.executor == "celery" else ""
        env = environment(self.layout, address.url, database, broker)
        self._prepare(env, say)
        say("starting Airflow")
        # The scheduler starts last, because a task that it starts before the API server answers fails. The others
        # need only the database, and start in parallel with the API server.
        for name in ("api-server", "dag-processor", "triggerer"):
            self._spawn(name, env)
        self._wait_for(address)
        self._spawn("scheduler", env)
        if broker:
            workers.start(self.layout, env)
        self._wait_for(address, "scheduler", "dag_processor", "triggerer")
        # The `sluice` command reads this record too, to start runs and report their results.
        variables = _variables(self.layout, address.url, database, broker)
        local = Local(**asdict(address), include=str(self.layout.include), variables=variables)
        keys.write_private(self._address_file, local.text())
        return address

    def stop(self) -> None:
        """Stop every recorded process, the scheduler first and the database last. Does nothing if there is none."""
        self._address_file.unlink(missing_ok=True)
        running = {process.name: process for process in self.processes()}
        scheduler, database = running.pop("scheduler", None), running.pop("postgres", None)
        broker = running.pop("redis", None)
        if scheduler:
            scheduler.stop()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda process: process.stop(patience=5), running.values()))
        if broker:
            broker.stop()
        if database:
            postgres.stop(database)

    def processes(self) -> list[Process]:
        """The recorded processes, running or not."""
        names = ("postgres", "redis", *COMMANDS, *workers.recorded(self.layout))
        records = (self.layout.run / f"{name}.json" for name in names)
        return [Process.recorded(record) for record in records if record.exists()]

    def running(self) -> bool:
        """Whether it was started and all its processes are alive."""
        return self._address_file.exists() and all(process.alive() for process in self.processes())

    def ensure_alive(self) -> None:
        """Raise `FatalError` with the end of its log if one of its processes has died."""
        for process in self.processes():
            process.ensure_alive()

    def address(self) -> Address:
        """Its address and login, while it is running."""
        local = Local.read(self._address_file)
        return Address(local.url, local.user, local.password)

    def environment(self) -> dict[str, str]:
        """The environment of its processes, while it is running, for Airflow's own commands."""
        return Local.read(self._address_file).environment

    def _started_before(self) -> Address:
        """Its address. Raises `FatalError` if it was started with other declarations."""
        include = Path(Local.read(self._address_file).include)
        if include.resolve() != self.layout.include.resolve():
            raise FatalError(
                f"Airflow is already running, with the declarations in {include} instead of {self.layout.include}",
                next_step="stop it with `make down`, then start it again",
            )
        return self.address()

    @property
    def _keys(self) -> keys.Keys:
        return keys.keys(self.layout.airflow)

    @property
    def _address_file(self) -> Path:
        return self.layout.run / "address"

    def _spawn(self, name: str, env: dict[str, str]) -> None:
        argv = [sys.executable, "-m", "airflow", *COMMANDS[name]]
        Process.start(name, argv, run=self.layout.run, logs=self.layout.logs, env=env)

    def _prepare(self, env: dict[str, str], say: Callable[[str], None]) -> None:
        """Create the tables and write the settings, unless neither has changed since the last start.

        Changes made in the UI are kept until the settings file changes.
        """
        stamp = self.layout.airflow / "prepared"
        state = _fingerprint(self.layout)
        if stamp.exists() and stamp.read_text() == state:
            return
        settings.read(self.layout.settings)  # report its errors here, not as a traceback of another process
        say("preparing the database")
        argv = [sys.executable, "-m", "local.metadata", str(self.layout.settings)]
        done = subprocess.run(argv, env=env, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if done.returncode:
            output = done.stderr.strip() or done.stdout.strip()
            raise FatalError(
                f"the metadata database could not be prepared:\n{output}",
                next_step="correct the cause, then start again",
            )
        stamp.write_text(state)

    def _wait_for(self, address: Address, *components: str) -> None:
        """Wait until the API server answers, and reports that each component sent a heartbeat since its process
        started."""
        rest = Rest(address.url, address.user, address.password)
        deadline = time.monotonic() + PATIENCE
        while not _healthy(rest, components, since=min(process.created for process in self.processes())):
            self.ensure_alive()
            if time.monotonic() > deadline:
                raise FatalError(
                    f"Airflow has not become healthy within {PATIENCE:.0f} s: waited for {', '.join(components)}",
                    next_step=f"check the logs in {self.layout.logs}",
                )
            time.sleep(0.2)


def _healthy(rest: Rest, components: tuple[str, ...], since: float) -> bool:
    """Whether each last heartbeat is later than `since`: that of a killed component counts for half a minute."""
    try:
        health = rest.health()
    except RetriableError:
        return False
    beats = [health.get(component, {}).get(f"latest_{component}_heartbeat") for component in components]
    return all(beat and datetime.fromisoformat(beat).timestamp() > since for beat in beats)


def _database(layout: Layout) -> str:
    """The SQLAlchemy URL of an external database; empty for the embedded one."""
    return layout.database or overrides().get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "")


def _fingerprint(layout: Layout) -> str:
    """Changes with Airflow's version, the settings file and the database's identity."""
    declared = layout.settings.read_bytes() if layout.settings.exists() else b""
    where = _database(layout) or str(layout.postgres)
    made = (place_of(layout.postgres).folder if layout.postgres.exists() else layout.home).stat().st_ino
    pools = repr(settings.pools(layout.include))
    parts = (version("apache-airflow-core"), hashlib.sha256(declared).hexdigest(), where, str(made), pools)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def overrides() -> dict[str, str]:
    """The Airflow options that are set in the environment, by variable name."""
    return {name: value for name, value in os.environ.items() if _OPTION.fullmatch(name)}


def environment(layout: Layout, url: str, database: str, broker: str = "") -> dict[str, str]:
    """The environment of every process of a local Airflow. Airflow options in the user's environment, such as
    `AIRFLOW__CORE__PARALLELISM`, take precedence. Another Airflow's home, connections and variables are left out."""
    return inherited() | _variables(layout, url, database, broker)


def _variables(layout: Layout, url: str, database: str, broker: str) -> dict[str, str]:
    own = {
        "AIRFLOW_HOME": str(layout.airflow),
        "PYTHONPATH": os.pathsep.join(map(str, [REPOSITORY / "src", REPOSITORY, *workers.packages(layout)])),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "SLUICE_HOME": str(layout.root),
        "SLUICE_INCLUDE": str(layout.include),
        "TZ": "UTC",
    }
    sections = [_configuration(layout, url, database), workers.configuration(layout, broker)]
    for section, options in (one for configured in sections for one in configured.items()):
        own |= {f"AIRFLOW__{section}__{option}".upper(): str(value) for option, value in options.items()}
    # `url` already has the user's port, if that was free.
    return {**own, **overrides(), **layout.environment, _PORT: own[_PORT]}


def _configuration(layout: Layout, url: str, database: str) -> dict[str, dict[str, object]]:
    """Airflow's options by section, where they differ from its defaults."""
    secret = keys.keys(layout.airflow)
    core = {
        "dags_folder": layout.dags,
        "executor": "LocalExecutor",  # unless `workers.configuration` has another
        "parallelism": layout.parallelism,
        "load_examples": False,
        "dags_are_paused_at_creation": False,
        "fernet_key": secret.fernet,
        "hostname_callable": "socket.gethostname",  # an unresponsive name server costs seconds per task
        "simple_auth_manager_users": f"{keys.ADMIN}:admin",
        "simple_auth_manager_passwords_file": keys.passwords_file(layout.airflow),
        "execution_api_server_url": f"{url}/execution/",
        "min_serialized_dag_update_interval": 2,
        "dagbag_import_timeout": PARSE,
    }
    port = url.rpartition(":")[2]
    return {
        "core": core,
        "api": {"base_url": url, "host": LOOPBACK, "port": port, "workers": 1, "secret_key": secret.session},
        "api_auth": {"jwt_secret": secret.jwt},
        "database": {"sql_alchemy_conn": database},
        "dag_processor": {
            "refresh_interval": 10,
            "min_file_process_interval": layout.reparse,
            "dag_file_processor_timeout": PARSE + 60,
        },
        "scheduler": {"scheduler_idle_sleep_time": 0.3},  # the default delays each task by up to a second
        "logging": {"base_log_folder": layout.airflow / "logs"},
    }
