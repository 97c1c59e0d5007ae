"""Voices in one file, the same bytes with every Python."""

import hashlib
import io

import numpy as np

from avatar_cli.models import npz


def npy(values: list[float]) -> bytes:
    out = io.BytesIO()
    np.save(out, np.array(values, "<f4"))
    return out.getvalue()


def written(arrays: dict[str, list[float]]) -> bytes:
    out = io.BytesIO()
    npz.write(out, [(f"{name}.npy", npy(values)) for name, values in arrays.items()])
    return out.getvalue()


def test_numpy_reads_what_was_written() -> None:
    with np.load(io.BytesIO(written({"af_alloy": [1, 2.5], "zf_xiaobei": []}))) as read:
        assert read.files == ["af_alloy", "zf_xiaobei"]
        assert read["af_alloy"].tolist() == [1, 2.5]
        assert read["zf_xiaobei"].tolist() == []


def test_its_hash_is_the_one_that_numpy_gave_it() -> None:
    """`numpy.savez` of numpy 2.4.6 on Python 3.11.7 wrote these bytes."""
    found = hashlib.sha256(written({"af_alloy": [1, 2.5]})).hexdigest()
    assert found == "b7356407b4ae32d55eeb2c838a65d92e600954d6e9e17aa0bac38a575b7300fa"
