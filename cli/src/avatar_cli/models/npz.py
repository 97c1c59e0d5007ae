"""Arrays in one `.npz`, byte for byte as `numpy.savez` wrote it for their maker.

Written by hand, because what `zipfile` writes of one input changed between versions of Python
(3.11.4, gh-103861), and the file must have the SHA-256 that its maker publishes.

Source: PKWARE's APPNOTE 6.3.10: 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end),
4.5.3 (sizes of zip64).
"""

import struct
import zlib
from collections.abc import Iterable
from typing import BinaryIO

_LOCAL = struct.Struct("<4s5H3I2H")
_ZIP64 = struct.Struct("<2H2Q")
_CENTRAL = struct.Struct("<4s2B5H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _UNIX, _STORED = 45, 3, 0
_DATE = 0x21
"""1 January 1980, the first day that a zip knows: numpy gives none."""
_IN_ZIP64 = 0xFFFFFFFF
_READABLE = 0o600 << 16


def write(out: BinaryIO, arrays: Iterable[tuple[str, bytes]]) -> None:
    """Writes `(name, .npy bytes)`, in their order; together less than 4 GiB."""
    directory: list[bytes] = []
    at = 0
    for name, data in arrays:
        path, crc, size = name.encode("ascii"), zlib.crc32(data), len(data)
        extra = _ZIP64.pack(1, 16, size, size)
        head = _LOCAL.pack(
            *(b"PK\x03\x04", _VERSION, 0, _STORED, 0, _DATE),
            *(crc, _IN_ZIP64, _IN_ZIP64, len(path), len(extra)),
        )
        out.writelines((head, path, extra, data))
        entry = _CENTRAL.pack(
            *(b"PK\x01\x02", _VERSION, _UNIX, _VERSION, 0, _STORED, 0, _DATE),
            *(crc, size, size, len(path), 0, 0, 0, 0, _READABLE, at),
        )
        directory.append(entry + path)
        at += len(head) + len(path) + len(extra) + size
    listed, count = b"".join(directory), len(directory)
    out.write(listed)
    out.write(_END.pack(b"PK\x05\x06", 0, 0, count, count, len(listed), at, 0))
