"""The byte budget of a process: requests are served in order, none waits forever, and rows stay within it."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice import memory
from sluice.memory import DEFAULT, LEAST, Budget, Pool, in_turn, use
from tests.builders import World

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture(autouse=True)
def _the_default() -> object:
    yield
    use(DEFAULT)


class TestPool:
    def test_what_does_not_fit_waits_until_there_is_room(self) -> None:
        pool = Pool(100)
        pool.take(60)
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(pool.take, 50)
            assert not waiting.done()
            pool.give(60)
            assert waiting.result(60)
        assert (pool.lent, pool.most) == (50, 60)

    def test_more_than_there_is_passes_alone(self) -> None:
        """A row may be larger than any budget: many of them in parallel neither overlap nor wait forever."""
        pool, together = Pool(100), []

        def large(_: int) -> None:
            with pool.held(1_000):
                together.append(pool.lent)

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(large, range(40)))
        assert together == [1_000] * 40
        assert pool.lent == 0

    def test_who_asks_first_is_served_first(self) -> None:
        """A large request is not passed by small ones for ever."""
        pool, order, begun = Pool(100), [], threading.Event()
        pool.take(90)

        def ask(name: str, size: int) -> None:
            pool.take(size)
            order.append(name)
            pool.give(size)

        large = threading.Thread(target=ask, args=("large", 100))
        large.start()
        while not pool._waiting:
            begun.wait(0.01)
        small = threading.Thread(target=ask, args=("small", 5))
        small.start()
        pool.give(90)
        large.join(300)
        small.join(300)
        assert order == ["large", "small"]

    def test_a_wait_can_be_given_up(self) -> None:
        pool = Pool(10)
        pool.take(10)
        assert not pool.take(1, lambda: True)
        pool.give(10)
        assert pool.take(10)


def test_results_that_are_heavy_are_not_made_ahead() -> None:
    use(64 * 10**6)
    at_once = made = 0

    def act(item: int) -> int:
        nonlocal made
        made += 1
        return item

    with ThreadPoolExecutor(4) as threads:
        taken = []
        for one in in_turn(act, range(20), threads, most=8, weigh=lambda _: 10**9):
            taken.append(one)
            at_once = max(at_once, made - len(taken))
    assert taken == list(range(20))
    assert at_once <= 1


def test_light_results_are_made_ahead_and_come_in_order() -> None:
    with ThreadPoolExecutor(4) as threads:
        assert list(in_turn(lambda n: n * 2, range(50), threads, most=8, weigh=lambda _: 1)) == list(range(0, 100, 2))


def test_a_larger_budget_is_for_more_workers_and_not_for_larger_tables() -> None:
    decoded = 30 * 10**6
    assert Budget(8 * DEFAULT).cost(decoded) == Budget(DEFAULT).cost(decoded)
    assert Budget(DEFAULT // 8).cost(decoded) < Budget(DEFAULT).cost(decoded)


def test_parts_of_a_budget_never_add_up_to_more() -> None:
    for total in (LEAST, DEFAULT, 10**10):
        for engine in (False, True):
            budget = Budget(total, engine=engine)
            rest = total // 2 if engine else budget.sending.size
            assert budget.rows.size + rest <= total
            assert int(budget.engine[:-1]) <= total // 2


class TestRun:
    """Whole runs: what was lent by the way, and what came out."""

    @pytest.mark.slow
    def test_a_row_larger_than_the_budget_passes(self, world: World) -> None:
        """Three of them in parallel, with more threads than rows: one after another, and none waits forever."""
        texts = ["x" * (80 * 2**20), "y", "z" * (90 * 2**20)]
        declare(world, {"type": "parquet"}, memory=LEAST, records=1)
        world.dataset("wide", pa.table({"id": [1, 2, 3], "text": texts}), row_group=1)
        world.run("wide")
        files = sorted((world.root / "out").rglob("*.parquet"))
        assert [pq.read_table(file)["text"][0].as_py() for file in files] == texts
        budget = memory.budget()
        assert (budget.total, budget.rows.lent, budget.sending.lent) == (LEAST, 0, 0)
        assert budget.rows.most > 80 * 2**20

    @pytest.mark.slow
    def test_the_budget_moves_no_boundary(self, world: World) -> None:
        """Of chunks, and of the row groups in their files: a retry may run with another."""
        table = pa.table({"id": range(20_000), "text": [str(n) * 300 for n in range(20_000)]})
        world.dataset("wide", table, row_group=20_000)
        found = []
        for total in (LEAST, DEFAULT):
            declare(world, {"type": "parquet"}, memory=total, records=15_000)
            world.run("wide", str(total))
            found.append([file.read_bytes() for file in sorted((world.root / "out").rglob("*.parquet"))])
        first, both = found
        assert len(first) == 2
        assert sorted(both) == sorted(first * 2)

    @pytest.mark.slow
    @pytest.mark.parametrize("kind", ["json", "parquet"])
    def test_peak_memory_of_a_small_file_that_holds_much(self, world: World, kind: str) -> None:
        """600 MB of text in a file of 40 kB, in chunks of 100 and 24 threads: far less than that is ever in memory."""
        declare(world, {"type": kind}, memory=LEAST, records=100)
        path = world.root / "lake" / "wide" / "1.parquet"
        path.parent.mkdir(parents=True)
        table = pa.table({"id": range(1_200), "text": pa.array(["x" * 500_000] * 1_200, pa.large_string())})
        pq.write_table(table, path, use_dictionary=False, compression="zstd", write_batch_size=16)
        peak = int(subprocess.run(
            [sys.executable, "-c", PEAK, str(world.root)], cwd=REPOSITORY, capture_output=True, check=True
        ).stdout.splitlines()[-1])  # fmt: skip
        assert path.stat().st_size < 50_000
        assert peak < 480 * 10**6


PEAK = """
import sys
from pathlib import Path
from tests.builders import World
assert World(Path(sys.argv[1])).run("wide").records == 1_200
print(int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024)
"""


def declare(world: World, form: dict[str, str], *, memory: int, records: int) -> None:
    world.declare(
        {
            "project.yaml": f"memory: {memory}\n",
            "catalog/datasets.yaml": """
                wide: {kind: event, key: id, source: {type: parquet, airflow_conn_id: lake, path: wide}}
            """,
            "connections/out.yaml": "{type: local, airflow_conn_id: out}",
            "exports/wide.yaml": f"""
                kind: dataset-export
                connection: out
                datasets: [wide]
                mode: full
                format: {form}
                chunks: {{records: {records}, threads: 24}}
            """,
        }
    )
