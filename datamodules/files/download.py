"""Find a data file in the user's folder, or download it from a pinned address, checked."""

from __future__ import annotations

import hashlib
import os
import urllib.request
from pathlib import Path
from typing import Literal
from urllib.error import URLError

from symmetry_pl.core.files import atomic_file
from symmetry_pl.datamodules.files.gunzip import content_of
from symmetry_pl.messages import quoted

__all__ = ["data_root", "digest_of", "locate", "sha256_of", "user_file"]

_CHUNK = 1 << 20


def data_root(root: str | Path | None = None) -> Path:
    """Folder that holds data files: ``root``, else ``$SYMMETRY_DATA``, else the user's cache.

    Example:
        >>> data_root("/data").as_posix()
        '/data'
    """
    if root is not None:
        return Path(root).expanduser()
    return Path(os.environ.get("SYMMETRY_DATA") or "~/.cache/symmetry_pl").expanduser()


def user_file(name: str, root: str | Path | None, option: str) -> Path:
    """A file of the user's own, as it is or within ``root``.

    Args:
        name: its path.
        root: folder with data (see ``data_root``).
        option: the option that names it, for messages.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    within = data_root(root) / name
    for path in (Path(name).expanduser(), within):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"{option} is {quoted(name)}, but there is no such file here or at {within}"
    )


def sha256_of(path: str | Path, uncompressed: bool = False) -> str:
    """SHA-256 of a file in hexadecimal (see ``digest_of``)."""
    return digest_of(path, "sha256", uncompressed)


def digest_of(path: str | Path, algorithm: str, uncompressed: bool = False) -> str:
    """Checksum of a file in hexadecimal.

    Args:
        path: the file.
        algorithm: a name that ``hashlib`` knows.
        uncompressed: hash the content of a gzip file instead, so that one compressed at another
            level or date is still recognised; a file that is not gzip is hashed as it is.

    Raises:
        ValueError: as ``content_of``.
    """
    digest = hashlib.new(algorithm)
    for chunk in content_of(path, unzip=uncompressed):
        digest.update(chunk)
    return digest.hexdigest()


def locate(
    name: str,
    root: str | Path | None,
    filename: str,
    url: str,
    checksum: str | None,
    *,
    algorithm: Literal["sha256", "sha1"] = "sha256",
    uncompressed: bool = False,
    folder: str = "",
    option: str = "data.root",
    download: bool = True,
    timeout: float = 60.0,
) -> Path:
    """Path of a data file whose checksum is right.

    It is looked for in ``root/folder`` and in ``root``; if it is in neither, it is downloaded into
    ``root/folder``, and appears there only once its checksum has been verified.

    Args:
        name: what the data are called, for messages.
        root: folder with data; ``None`` for ``$SYMMETRY_DATA`` or the cache (see ``data_root``).
        filename: name of the file.
        url: pinned address to download from.
        checksum: in hexadecimal; ``None`` where nobody has published one: then a file that is
            there is taken as it is, and nothing is downloaded.
        algorithm: of the checksum; ``"sha1"`` only where no other has been published.
        uncompressed: the checksum is of the content of the gzip file (see ``digest_of``).
        folder: subfolder of ``root``.
        option: the option that sets ``root``, for messages.
        download: whether to try the network.
        timeout: seconds that the server may be silent.

    Raises:
        FileNotFoundError: if there is no such file and it cannot be downloaded.
        ValueError: if the file, or what the server sent, has another checksum.
    """
    base = data_root(root)
    target = base / folder / filename
    published = f"{algorithm} {checksum}{' of the uncompressed bytes' if uncompressed else ''}"
    known = f"{url} ({published if checksum else 'no published checksum'})"
    for path in dict.fromkeys((target, base / filename)):
        if path.is_file():
            found = digest_of(path, algorithm, uncompressed) if checksum else None
            if found != checksum:
                raise ValueError(
                    f"{name}: {path} has {algorithm} {found}, which is not that of {known}: "
                    f"delete it, or set {option} to a folder with the right file"
                )
            return path
    advice = f"{name}: {filename} is not in {base}"
    remedy = f"download {known} yourself and set {option} to its folder"
    if not download or checksum is None:
        raise FileNotFoundError(f"{advice}: {remedy}")
    try:
        _download(url, target, checksum, algorithm, uncompressed, timeout)
    except (URLError, OSError, TimeoutError) as error:
        raise FileNotFoundError(f"{advice} and cannot be downloaded ({error}): {remedy}") from error
    return target


def _download(
    url: str, target: Path, checksum: str, algorithm: str, uncompressed: bool, timeout: float
) -> None:
    """Fetch ``target``, which is there once it is known to be right.

    Two processes may do so at once: each writes its own file, and renaming is atomic.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "symmetry_pl"})
    with atomic_file(target) as file:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
        file.flush()
        found = digest_of(file.name, algorithm, uncompressed)
        if found != checksum:
            raise ValueError(
                f"{url} sent a file with {algorithm} {found}, not {checksum}: not kept"
            )
