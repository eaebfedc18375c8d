"""The key that turns customers into pseudonyms; it lives outside the data folder.

Pseudonym = HMAC-SHA256(key, customer): the same person stays the same person, and without the key nobody can ask who. A lost
key means new pseudonyms, so every extract is read again.
"""

import hashlib
import os
import secrets
import stat
from pathlib import Path

from kpi.errors import ConfigError, StateError

KEY_FILE_VARIABLE = "KPI_CUSTOMER_KEY_FILE"
KEY_BYTES = 32
BLOCK_BYTES = 64  # of SHA-256, RFC 2104


def key_file() -> Path:
    """Where the key is: the environment variable, else the user's own configuration folder."""
    named = os.environ.get(KEY_FILE_VARIABLE)
    return Path(named) if named else Path.home() / ".config" / "kpi" / "customer.key"


def customer_key(data: Path) -> bytes:
    """The key, made at the first use; `data` is the folder it must not lie in."""
    path = key_file()
    if path.resolve().is_relative_to(data.resolve()):
        raise ConfigError(
            "{file}: the customer key lies in the data folder {data}, expected it elsewhere. Set {variable} to another place.",
            file=path,
            data=data,
            variable=KEY_FILE_VARIABLE,
        )
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise StateError(
            "{file}: the customer key cannot be read or made ({found}). Make it readable, or set {variable} to another place.",
            file=path,
            found=error.strerror,
            variable=KEY_FILE_VARIABLE,
        ) from error


def throw_away_key() -> bytes:
    """A key that nobody keeps, for a check whose pseudonyms nobody will see."""
    return secrets.token_bytes(KEY_BYTES)


def pads(key: bytes) -> tuple[bytes, bytes]:
    """The inner and the outer block of HMAC-SHA256 (RFC 2104), so that SQL needs only sha256 and concatenation."""
    block = (hashlib.sha256(key).digest() if len(key) > BLOCK_BYTES else key).ljust(BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(throw_away_key())
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its key counts
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise StateError(
            "{file}: others may read the customer key (mode {found:o}), expected mode 600. Run: chmod 600 {file}",
            file=path,
            found=mode,
        )
    key = path.read_bytes()
    if len(key) < KEY_BYTES:
        raise StateError(
            "{file}: the customer key has {found} bytes, expected at least {expected}. Restore it, or delete it for a new one.",
            file=path,
            found=len(key),
            expected=KEY_BYTES,
        )
    return key
