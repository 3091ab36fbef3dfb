"""Seals: Ed25519 signatures over the files of a run, which show who vouches for it.

A seal is the file ``seal.json`` in the run folder, with one signature for each key that signed. What is
signed is a digest of the bytes of ``run.json`` and of every track's file; the estimates are covered by the
digests in the tracks' files. Any change of them breaks the seal. A run with a broken seal is
refused: unlike a missing seal, it means that somebody changed what somebody else vouched for.

Keys have the format of OpenSSH: both ``ssh-keygen -t ed25519`` and ``svbench seal --new-key`` make them.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from svbench.disk import replacing
from svbench.errors import DataError, SpecError, SvbenchError
from svbench.results.folders import inside, plain_bytes
from svbench.specs.records import Record, digest

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SEAL = "seal.json"
# Prefix of the signed text, so that a signature made for another purpose is not accepted as a seal.
PURPOSE = b"svbench seal 1\n"
Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]*$")]


class Signature(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One signature and the public key that verifies it, both in hexadecimal digits."""

    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")]


class Seal(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of ``seal.json``: the digest that was signed, and the signatures."""

    schema: Literal[1]
    digest: Hex
    signatures: tuple[Signature, ...]


def content_digest(folder: Path) -> str:
    """Digest of the names and bytes of ``run.json`` and of all results of a run folder."""
    names = ["run.json"]
    if (folder / "tracks").is_dir():
        found = (e.name for e in os.scandir(inside(folder, "tracks")) if e.name.endswith(".json"))
        names += [f"tracks/{name}" for name in sorted(found) if not name.startswith(".")]
    return digest({n: hashlib.sha256(plain_bytes(inside(folder, n))).hexdigest() for n in names})


def check_seal(folder: Path) -> Seal | None:
    """Return the verified seal of a run folder; None if it has none.

    Raises
    ------
    DataError
        The seal is damaged, the run was changed after it was sealed, or a signature was not made by its key.
    """
    path = folder / SEAL
    if not os.path.lexists(path):
        return None
    try:
        seal = msgspec.json.decode(plain_bytes(inside(folder, SEAL)), type=Seal)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path}: is no seal ({error}); get the run again from whoever made it") from None
    if not seal.signatures:
        raise DataError(f"{path}: holds no signature; get the run again from whoever made it")
    if content_digest(folder) != seal.digest:
        raise DataError(
            f"{path}: does not match: the run was changed after it was sealed; get it again from whoever "
            "sealed it, or, if the change is your own, remove the file and seal the run again"
        )
    _check_signatures(path, seal)
    return seal


def _check_signatures(path: Path, seal: Seal) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for one in seal.signatures:
        try:
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(one.key))
            public.verify(bytes.fromhex(one.signature), _message(seal.digest))
        except (InvalidSignature, ValueError):
            raise DataError(
                f"{path}: the signature by key {one.key[:8]} is forged; get the run again from whoever "
                "made it"
            ) from None


def seal_run(folder: Path, key: Path) -> Signature:
    """Sign a run folder, keeping earlier signatures by other keys.

    Raises
    ------
    SpecError
        The key cannot be used.
    DataError
        The folder holds no run, or one that was changed after it was sealed.
    """
    private = _private_key(key)
    public = private.public_key().public_bytes_raw().hex()
    earlier = check_seal(folder)
    found = content_digest(folder)
    made = Signature(key=public, signature=private.sign(_message(found)).hex())
    others = [s for s in (earlier.signatures if earlier else ()) if s.key != public]
    seal = Seal(schema=1, digest=found, signatures=(*others, made))
    with replacing(folder / SEAL) as partial:
        partial.write_bytes(msgspec.json.format(msgspec.json.encode(seal), indent=1) + b"\n")
    return made


def drop_seal(folder: Path) -> None:
    """Remove the seal of a run that is about to get new results, which nobody has signed."""
    (folder / SEAL).unlink(missing_ok=True)


def vouchers(folder: Path, trusted: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Return who vouches for a run.

    Parameters
    ----------
    folder : Path
    trusted : mapping of str to str
        Names by public key, from `read_keys`.

    Returns
    -------
    list of str, list of str
        Names of trusted keys, and the first digits of other keys.

    Raises
    ------
    DataError
        The seal does not pass `check_seal`.
    """
    seal = check_seal(folder)
    keys = [s.key for s in seal.signatures] if seal else []
    return [trusted[k] for k in keys if k in trusted], [k[:8] for k in keys if k not in trusted]


def vouched(folder: Path, trusted: Mapping[str, str]) -> str:
    """Describe who vouches for a run, see `vouchers`."""
    known, unknown = vouchers(folder, trusted)
    if known:
        return ", ".join(known)
    return f"nobody you trust (key {', '.join(unknown)})" if unknown else "unsigned"


def new_key(path: Path, name: str) -> Path:
    """Write a new private key, and beside it with the ending ``.pub`` the public one for others to trust.

    Raises
    ------
    SvbenchError
        One of the two files already exists.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public_path = path.with_name(f"{path.name}.pub")
    for taken in (path, public_path):
        if os.path.lexists(taken):
            raise SvbenchError(
                f"{taken}: already exists; choose another name, since an overwritten key is lost for good"
            )
    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    # Created with these permissions, so that no other user can read it at any moment.
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    line = private.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    public_path.write_bytes(line + f" {name}\n".encode())
    return public_path


def read_keys(path: Path) -> dict[str, str]:
    """Read public keys to trust, with the names of their holders.

    Parameters
    ----------
    path : Path
        A file with a key on each line as OpenSSH writes it, ``ssh-ed25519 AAAA… NAME``; or a folder of such
        files that end in ``.pub``. A key without a name gets the name of its file.

    Returns
    -------
    dict of str to str
        Names by key, in hexadecimal digits.

    Raises
    ------
    SpecError
        There are no keys, a line is not a key, or a key has two names.
    """
    files = sorted(path.glob("*.pub")) if path.is_dir() else [path]
    found: dict[str, str] = {}
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(file, "", f"cannot be read as keys ({error})") from None
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                key, name = _public_key(file, number, line)
                if found.setdefault(key, name) != name:
                    raise SpecError(
                        file, f"line {number}", f"the key of {found[key]!r} is here that of {name!r}"
                    )
    if not found:
        raise SpecError(path, "", "holds no keys; expected lines such as `ssh-ed25519 AAAA… NAME`")
    return found


def _public_key(file: Path, number: int, line: str) -> tuple[str, str]:
    """Parse one line; the key is the last 32 bytes of the base64 text, after its type and length."""
    kind, _, rest = line.strip().partition(" ")
    text, _, name = rest.partition(" ")
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        content = b""
    head = b"\0\0\0\x0bssh-ed25519\0\0\0 "
    if kind != "ssh-ed25519" or not content.startswith(head) or len(content) != len(head) + 32:
        raise SpecError(file, f"line {number}", "is no Ed25519 key; expected `ssh-ed25519 AAAA… NAME`")
    return content[len(head) :].hex(), name.strip() or file.stem


def _private_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        text = path.read_bytes()
    except OSError as error:
        raise SpecError(path, "", f"cannot be read as a key ({error.strerror})") from None
    read = (
        serialization.load_ssh_private_key
        if b"OPENSSH PRIVATE KEY" in text
        else serialization.load_pem_private_key
    )
    try:
        key = read(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SpecError(path, "", f"is no private key without a password ({error})") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SpecError(path, "", "is a key of another kind; expected Ed25519: `svbench seal --new-key FILE`")
    return key


def _message(content: str) -> bytes:
    return PURPOSE + content.encode()
