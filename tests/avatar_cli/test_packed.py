"""Weights that come in packages: joined, checked against their makers' hashes, written once.

The packages are made here, small, and installed as pip would: a folder with its metadata.
"""

import hashlib
import io
import shutil
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from avatar_cli.main import app
from avatar_cli.models import catalogue, npz, packed
from avatar_cli.models.catalogue import Catalogue, Model
from avatar_cli.models.packed import PackedError
from avatar_cli.models.store import Store

PARTS = [bytes(range(256)) * 9000, b"the rest of it"]
CONFIG = b'{"a": 1}'


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def ears() -> Model:
    def part(n: int, name: str, data: bytes) -> dict[str, str]:
        pin = {"package": f"ear-part{n}", "version": "1.0.0", "path": f"ear_part{n}/{name}"}
        return {**pin, "sha256": sha(data)}

    whole = b"".join(PARTS)
    return Model.model_validate(
        {
            "id": "ears",
            "stage": "stt",
            "title": "ears",
            "languages": ["en"],
            "megabytes": 3,
            "repository": "us/ears",
            "revision": "main",
            "licence": "MIT",
            "non_commercial": False,
            "folder": "ears",
            "settings": {"STT_MODEL": "ears"},
            "maker": "us",
            "packager": "them",
            "files": [
                {
                    "path": "model.bin",
                    "sha256": sha(whole),
                    "size": len(whole),
                    "parts": [part(n, "part.bin", data) for n, data in enumerate(PARTS, 1)],
                },
                {
                    "path": "config.json",
                    "sha256": sha(CONFIG),
                    "size": len(CONFIG),
                    "parts": [part(1, "config.json", CONFIG)],
                },
            ],
        }
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages that Python looks into."""
    folder = tmp_path / "site"
    for n, data in enumerate(PARTS, 1):
        (folder / f"ear_part{n}").mkdir(parents=True)
        (folder / f"ear_part{n}" / "part.bin").write_bytes(data)
        info = folder / f"ear_part{n}-1.0.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: ear-part{n}\nVersion: 1.0.0\n"
        )
    (folder / "ear_part1" / "config.json").write_bytes(CONFIG)
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def nothing(*_: object) -> None:
    return


def test_parts_are_joined_checked_and_written_once(site: Path, store: Store) -> None:
    seen: list[tuple[str, int, int | None]] = []
    manifest = packed.prepare(ears(), store, lambda *told: seen.append(told))
    assert (store.root / "ears" / "model.bin").read_bytes() == b"".join(PARTS)
    assert store.manifest(ears()) == manifest
    assert store.verify(manifest, nothing) == []
    assert ("model.bin", len(b"".join(PARTS)), len(b"".join(PARTS))) in seen
    before = (store.root / "ears" / "model.bin").stat()
    packed.prepare(ears(), store, nothing)
    assert (store.root / "ears" / "model.bin").stat().st_mtime_ns == before.st_mtime_ns
    assert [p.name for p in (store.root / "ears").glob(".*.new")] == []


@pytest.mark.parametrize("harm", ["truncated", "altered"])
def test_a_harmed_part_is_refused_by_name_and_hash(site: Path, store: Store, harm: str) -> None:
    part = site / "ear_part2" / "part.bin"
    bad = PARTS[1][:-1] if harm == "truncated" else PARTS[1][:-1] + b"!"
    part.write_bytes(bad)
    with pytest.raises(PackedError) as refused:
        packed.prepare(ears(), store, nothing)
    text = str(refused.value)
    assert "ear_part2/part.bin" in text
    assert sha(bad) in text
    assert sha(PARTS[1]) in text
    assert "pip install --force-reinstall --no-deps ear-part2==1.0.0" in text
    assert [p.name for p in (store.root / "ears").iterdir()] == []


def test_a_part_that_is_gone_is_named(site: Path, store: Store) -> None:
    (site / "ear_part2" / "part.bin").unlink()
    with pytest.raises(PackedError, match=r"ear_part2/part\.bin is missing"):
        packed.prepare(ears(), store, nothing)


def test_a_package_that_is_gone_is_named_with_what_to_do(site: Path, store: Store) -> None:
    shutil.rmtree(site / "ear_part2-1.0.0.dist-info")
    assert not packed.installed(ears())
    with pytest.raises(PackedError, match=r"ear-part2==1\.0\.0.*models download ears"):
        packed.prepare(ears(), store, nothing)


def test_whoever_packaged_it_need_not_be_trusted(site: Path, store: Store) -> None:
    """The part's own hash is the packager's; the whole's is the maker's."""
    good = ears()
    whole = good.files[0].model_copy(update={"sha256": "0" * 64})
    forged = good.model_copy(update={"files": [whole]})
    with pytest.raises(PackedError, match=r"model\.bin of ears is not what its maker publishes"):
        packed.prepare(forged, store, nothing)
    assert not (store.root / "ears" / "model.bin").exists()


@pytest.mark.parametrize("harm", ["truncated", "altered"])
def test_what_was_harmed_on_the_disk_is_written_again(site: Path, store: Store, harm: str) -> None:
    packed.prepare(ears(), store, nothing)
    model = store.root / "ears" / "model.bin"
    good = model.read_bytes()
    model.write_bytes(good[:-5] if harm == "truncated" else good[:-5] + b"wrong")
    assert packed.whole(ears(), store) is None
    packed.prepare(ears(), store, nothing)
    assert model.read_bytes() == good


@pytest.mark.parametrize("harm", ["truncated", "altered"])
def test_what_was_harmed_and_has_no_package_any_more_is_refused_by_name_and_hash(
    site: Path, store: Store, harm: str
) -> None:
    packed.prepare(ears(), store, nothing)
    shutil.rmtree(site / "ear_part2-1.0.0.dist-info")
    model = store.root / "ears" / "model.bin"
    good = model.read_bytes()
    bad = good[:-5] if harm == "truncated" else good[:-5] + b"wrong"
    model.write_bytes(bad)
    with pytest.raises(PackedError) as refused:
        packed.prepare(ears(), store, nothing)
    text = str(refused.value)
    assert f"{model} is truncated or altered" in text
    assert "config.json" not in text
    assert sha(bad) in text
    assert sha(good) in text
    assert "avatar models download ears" in text


def test_a_disk_that_fills_up_meanwhile_is_told_and_nothing_half_written_stays(
    site: Path, store: Store
) -> None:
    folder = store.root / "ears"
    folder.mkdir(parents=True)
    (folder / ".model.bin.new").symlink_to("/dev/full")
    with pytest.raises(PackedError, match=r"no room for ears.*AVATAR_HOME"):
        packed.prepare(ears(), store, nothing)
    assert list(folder.iterdir()) == []


def test_two_starts_at_once_write_it_once(site: Path, store: Store) -> None:
    writers: set[int] = set()

    def start() -> None:
        def progress(name: str, have: int, _: int | None) -> None:
            both.wait() if name == "unused" else writers.add(threading.get_ident())

        both.wait()
        packed.prepare(ears(), store, progress)

    both = threading.Barrier(2)
    starts = [threading.Thread(target=start) for _ in range(2)]
    for one in starts:
        one.start()
    for one in starts:
        one.join(30)
    assert (store.root / "ears" / "model.bin").read_bytes() == b"".join(PARTS)
    assert store.verify(store.manifest(ears()), nothing) == []  # type: ignore[arg-type]
    assert len(writers) == 1


def test_no_room_is_told_before_anything_is_written(
    site: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(site)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(PackedError, match=r"no room for ears \(3 MB\).*AVATAR_HOME"):
        packed.prepare(ears(), store, nothing)
    assert list((store.root / "ears").iterdir()) == []


def test_a_home_that_cannot_be_written_is_told(site: Path, tmp_path: Path) -> None:
    """A file in the folder's place and, since root may write anywhere, the kernel's own words."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "models").write_text("in the way")
    with pytest.raises(PackedError, match="can't be unpacked"):
        packed.prepare(ears(), Store(home / "models"), nothing)
    read_only = Path("/sys/kernel/avatar")
    with pytest.raises(PackedError, match=r"can't be written.*AVATAR_HOME.*models import"):
        packed.prepare(ears(), Store(read_only), nothing)


def test_a_read_only_home_that_has_it_will_do(
    site: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed.prepare(ears(), store, nothing)
    monkeypatch.setattr(packed, "_unpack", lambda *_: pytest.fail("it is there already"))
    assert packed.prepare(ears(), store, nothing).id == "ears"


def npy(numbers: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, numbers)
    return out.getvalue()


def test_voices_are_joined_by_name(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    voices = {
        name: np.random.default_rng(n).standard_normal((510, 1, 256)).astype(np.float32)
        for n, name in enumerate(["zf_b", "af_a"])
    }
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    packed.archives().mkdir(parents=True)
    with tarfile.open(packed.archives() / "sounds-1.0.0.tgz", "w:gz") as archive:
        for name, numbers in voices.items():
            entry = tarfile.TarInfo(f"package/voices/{name}.bin")
            entry.size = numbers.nbytes
            archive.addfile(entry, io.BytesIO(numbers.tobytes()))
    archive_sha = sha((packed.archives() / "sounds-1.0.0.tgz").read_bytes())
    joined = io.BytesIO()
    npz.write(joined, [(f"{name}.npy", npy(voices[name])) for name in ("af_a", "zf_b")])
    source = {"package": "sounds", "version": "1.0.0", "inside": "package/voices/"}
    file = {
        "path": "v.bin",
        "sha256": sha(joined.getvalue()),
        "archive": {**source, "sha256": archive_sha},
    }
    model = Model.model_validate({**ears().model_dump(), "files": [file]})
    packed.prepare(model, store, nothing)
    assert (store.root / "ears" / "v.bin").read_bytes() == joined.getvalue()
    with np.load(store.root / "ears" / "v.bin") as read:
        assert all((read[name] == numbers).all() for name, numbers in voices.items())
    (store.root / "ears" / "v.bin").unlink()
    (packed.archives() / "sounds-1.0.0.tgz").write_bytes(b"something else")
    with pytest.raises(PackedError, match=r"sounds-1\.0\.0\.tgz is truncated or altered"):
        packed.prepare(model, store, nothing)


def test_the_command_unpacks_lists_and_needs_no_hub(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Catalogue(bundles={}, models=[ears()])
    monkeypatch.setattr(catalogue, "load", lambda: known)
    environment = {
        "AVATAR_HOME": str(tmp_path / "home"),
        "AVATAR_LANG": "en",
        "HF_ENDPOINT": "http://127.0.0.1:9",
    }

    def avatar(*words: str) -> str:
        done = CliRunner().invoke(app, ["models", *words], env=environment)
        assert done.exit_code == 0, done.output
        return done.output

    assert "packaged" in avatar("list")
    assert "packaged by: them" in avatar("list")
    assert "already" in avatar("download", "ears", "--yes")
    assert (tmp_path / "home" / "models" / "ears" / "model.bin").is_file()
    assert "here" in avatar("list")
    avatar("unpack", "ears")
    assert "ears: ok" in avatar("verify")


def test_every_packaged_file_of_the_catalogue_has_its_makers_hash() -> None:
    models = [one for one in catalogue.load().models if one.packager]
    assert {one.id for one in models} >= {"base", "kokoro", "piper-joe", "smollm2"}
    for file in [file for model in models for file in model.files]:
        assert file.sha256
        assert file.size
        assert file.parts or file.archive


def test_the_real_packages_hold_what_the_makers_publish(
    store: Store,
) -> None:
    """Those that are installed here; `make test` installs Whisper's and Kokoro's."""
    base = catalogue.load().get("base")
    manifest = packed.prepare(base, store, nothing)
    assert {file.name: file.sha256 for file in manifest.files} == {
        file.name: file.sha256 for file in base.files
    }
    assert (store.root / "base" / "model.bin").stat().st_size == 145_217_532
