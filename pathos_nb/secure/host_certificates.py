"""Certificates of hosts: is what one shows signed for its name, and for now, by an authority that is trusted for it.

The rules are those of ``ssh``, but for one: a certificate that names no host is good for all of them there, and for
none here.

References
----------
OpenSSH's PROTOCOL.certkeys; ssh-keygen(1), "CERTIFICATES"; sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pathos_nb.secure.known_hosts import Entry

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import SSHCertificate

__all__ = ["KINDS", "fault_of"]

_SUFFIX = "-cert-v01@openssh.com"
_PLAIN = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")
KINDS = tuple(f"{kind}{_SUFFIX}" for kind in (*_PLAIN, "rsa-sha2-512", "rsa-sha2-256"))
_WEAK = b"ssh-rsa"  # with SHA-1
_LEFT_TO_SSH = 'which is left to transport="openssh"'


def fault_of(kind: str, blob: bytes, host: str, entries: Sequence[Entry]) -> str:
    """Say what is wrong with a certificate.

    Parameters
    ----------
    kind, blob : str, bytes
        Its type, and all of it as the host has shown it; that the host has its key is known already.
    host : str
        What the host is called, without a port.
    entries : sequence of Entry
        What the files of known hosts say of it.

    Returns
    -------
    str
        Nothing if it proves that this is the host.
    """
    found = _read(kind, blob)
    if isinstance(found, str):
        return found
    certificate, key = found
    if any(e.marker == "@revoked" and e.key == key for e in entries):
        return "its certificate is of an authority that is revoked"
    if not any(e.marker == "@cert-authority" and e.key == key for e in entries):
        return "its certificate is of another authority"
    return _unsigned(certificate) or _unfit(certificate, host)


def _read(kind: str, blob: bytes) -> tuple[SSHCertificate, bytes] | str:
    """Give the certificate and its authority's key, or why it cannot be read."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as ssh

    try:
        found = ssh.load_ssh_public_identity(kind.encode() + b" " + base64.b64encode(blob))
        if not isinstance(found, ssh.SSHCertificate):
            return "it shows no certificate"
        authority = found.signature_key().public_bytes(ssh.Encoding.OpenSSH, ssh.PublicFormat.OpenSSH)
        return found, base64.b64decode(authority.split()[1])
    except (AttributeError, UnsupportedAlgorithm):  # an old library, or a new kind of key
        return f"its certificate is of a kind {_LEFT_TO_SSH}"
    except (ValueError, IndexError) as error:
        return f"its certificate cannot be read ({error})"


def _unsigned(certificate: SSHCertificate) -> str:
    from cryptography.exceptions import InvalidSignature

    if bytes(getattr(certificate, "_inner_sig_type", _WEAK)) == _WEAK:
        return "its certificate is signed with SHA-1"
    try:
        certificate.verify_cert_signature()
    except (InvalidSignature, ValueError):
        return "the signature of its certificate is wrong"
    return ""


def _unfit(certificate: SSHCertificate, host: str) -> str:
    from cryptography.hazmat.primitives.serialization import SSHCertificateType

    if certificate.type is not SSHCertificateType.HOST:
        return "its certificate is one for users"
    if certificate.critical_options:
        return f"its certificate has conditions {_LEFT_TO_SSH}"
    if not certificate.valid_after <= time.time() < certificate.valid_before:
        return "its certificate is out of date, or not valid yet"
    names = [name.decode("utf-8", "replace") for name in certificate.valid_principals]
    if not names:
        return f"its certificate names no host, {_LEFT_TO_SSH}"
    return "" if host.lower() in names else f"its certificate is for {', '.join(names)}, and not for {host}"
