"""A certificate of our own for 127.0.0.1."""

import shutil
import subprocess
from pathlib import Path

import pytest


def certificate(folder: Path) -> Path:
    """With its key, in one file, which is its CA file too."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    pem, crt = folder / "loopback.pem", folder / "loopback.crt"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=loopback",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(pem), "-out", str(crt)]
    subprocess.run(command, check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + crt.read_bytes())
    return pem
