"""Parquet, with the extra `[parquet]`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

import numpy as np

from tui_monitor.collect import table_cells as cells
from tui_monitor.collect.table import Chunk, Coded, Kind, TableError, Wanted

ROWS = 200_000  # a chunk


class ParquetTable:
    """A Parquet file."""

    def __init__(self, path: str, file: BinaryIO, size_bytes: int) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise TableError(f"{path}: Parquet needs the extra [parquet]: pip install 'tui-monitor[parquet]'") from None
        if size_bytes == 0:
            raise TableError(f"{path}: is empty")
        try:
            self._parquet = pq.ParquetFile(file)
        except (pa.ArrowException, ValueError) as error:
            raise TableError(f"{path}: is no Parquet file: {str(error).splitlines()[0][:120]}") from None
        self.unreadable = 0
        self.read_bytes = 0
        self.size_bytes = size_bytes
        self.names = list(self._parquet.schema_arrow.names)
        self._file, self._path = file, path

    def close(self) -> None:
        """Let go of the file."""
        self._parquet.close()
        self._file.close()

    def chunks(self, wanted: Collection[Wanted]) -> Iterator[Chunk]:
        """The rows, those columns only; a group of rows that is damaged is counted and left out."""
        import pyarrow as pa

        there = list(dict.fromkeys(name for name, _ in wanted if name in self.names))
        done, total = 0, max(self._parquet.metadata.num_rows, 1)
        for group in range(self._parquet.num_row_groups):
            in_group, seen = self._parquet.metadata.row_group(group).num_rows, 0
            try:
                for batch in self._parquet.iter_batches(ROWS, row_groups=[group], columns=there):
                    rows = batch.num_rows
                    seen += rows
                    yield Chunk(
                        rows,
                        {(n, kind): _column(kind, batch.column(n)) if n in there else cells.absent(kind, rows) for n, kind in wanted},
                    )
                    self.read_bytes = self.size_bytes * (done + seen) // total
            except (pa.ArrowException, OSError):
                self.unreadable += in_group - seen
            done += in_group


def _column(kind: Kind, column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    of = column.type
    if pa.types.is_dictionary(of):
        column = column.dictionary_decode()
        of = column.type
    if pa.types.is_timestamp(of):
        seconds = np.asarray(pc.cast(pc.cast(column, pa.timestamp("us", of.tz), safe=False), pa.int64()).fill_null(-1).to_numpy()) / 1e6
        if kind in ("time", "number", "feature"):
            return cells.in_range(seconds)
        return cells.of_values(kind, pc.strftime(column).to_pylist())
    if pa.types.is_date(of):
        return cells.of_values(kind, [None if day is None else day.isoformat() for day in column.to_pylist()])
    if pa.types.is_decimal(of):
        column = column.cast(pa.float64())
        of = column.type
    if kind in ("time", "number", "feature") and (pa.types.is_integer(of) or pa.types.is_floating(of)):
        found = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        return cells.in_range(found) if kind == "time" else found
    if kind == "class":
        return _coded(column)
    if pa.types.is_large_string(of) or pa.types.is_string(of) or pa.types.is_boolean(of) or pa.types.is_primitive(of):
        return cells.of_values(kind, column.to_pylist())
    return cells.absent(kind, len(column))  # lists and structs are no values


def _coded(column: Any) -> Coded:
    try:
        coded = column.dictionary_encode()
    except Exception:  # noqa: BLE001 - lists and structs: arrow says so in many ways
        return Coded(np.full(len(column), -1, dtype=np.int32), [])
    codes = np.asarray(coded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
    return cells.recoded(codes, coded.dictionary.to_pylist())
