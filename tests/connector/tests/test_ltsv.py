import pyarrow as pa
import pytest
from pyarrow import types
from sluice_ltsv import Ltsv

from sluice.testing import FormatExam
from sluice.testing.values import names_of


class TestLtsv(FormatExam):
    @pytest.fixture
    def format(self):
        return Ltsv(type="ltsv")

    @pytest.fixture
    def read(self):
        def rows(data, names):
            lines = data.decode().split("\n")[:-1]
            return [dict.fromkeys(names) | dict(cell.split(":", 1) for cell in line.split("\t")) for line in lines]

        return rows

    @pytest.fixture
    def spelled(self):  # claim: values are the text that Arrow makes of them
        return lambda case: case.array.cast(pa.string()).to_pylist()

    @pytest.fixture
    def refuses(self):  # claim: a cell holds none of these types
        binary = (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
        other = (types.is_nested, types.is_duration, types.is_interval, types.is_run_end_encoded)
        return names_of(*binary, *other, lambda kind: isinstance(kind, pa.BaseExtensionType))

    @pytest.fixture
    def separators(self):  # claim: no value and no name holds one of these
        return "\t\r\n"
