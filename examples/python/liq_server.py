"""A throwaway redis-server with the module, for the tests: own folder, own port, ended by its own process id."""

from __future__ import annotations

import os
import pathlib
import socket
import subprocess
import tempfile
import time


def module_path() -> str:
    """The module's file, which LIQ_MODULE names."""
    module = pathlib.Path(os.environ.get("LIQ_MODULE", "")).resolve()
    if not module.is_file():
        raise SystemExit("LIQ_MODULE must be the path of libliq.so (cargo build, then target/debug/libliq.so)")
    return str(module)


class Server:
    """Use as a context manager; ``url`` is where it listens."""

    def __init__(self, with_module: bool = True) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="liq-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._arguments = [
            "redis-server", "--bind", "127.0.0.1", "--port", str(self._port), "--save", "",
            "--dir", self._folder.name, "--logfile", "log",
        ]  # fmt: skip
        if with_module:
            self._arguments += ["--loadmodule", module_path()]

    def __enter__(self) -> Server:
        self._process = subprocess.Popen(self._arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self._port), 1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(16).startswith(b"+PONG"):
                        return self
            except OSError:
                pass
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        log = pathlib.Path(self._folder.name, "log")
        raise SystemExit("redis-server did not start:\n" + (log.read_text() if log.is_file() else ""))

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()
