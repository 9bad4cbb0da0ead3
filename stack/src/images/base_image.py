"""Makes a container image of the Python that runs this script, as an OCI layout: `python3 base_image.py DESTINATION`.

Where no registry can be reached and no distribution may be assumed, every machine that builds this project still has a
Python. Its interpreter, standard library and shared libraries are laid out as in the official image: below /usr/local.
There is no shell and no package manager in it. Prints the manifest's digest.
"""

import ctypes
import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

# What a server never imports, and what is not ours to ship: other people's packages, and all that is only for building.
LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "site-packages", "dist-packages"}
LEFT_OUT_FILES = re.compile(r"\.(a|o|exe)$|\.opt-\d\.pyc$|^(_tkinter|_test|_xxtest|xx)\w*\..*so$")

# Where distributions keep the certificate authorities that they trust.
AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")

USER = 65532
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
LIBRARIES = "usr/local/lib"


class Layer:
    """One uncompressed layer; a path that is there already is not added twice."""

    def __init__(self):
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=tarfile.PAX_FORMAT)
        self.names = {""}

    def _add(self, info, content=None):
        if info.name not in self.names:
            self.directory(os.path.dirname(info.name))
            self.names.add(info.name)
            info.size = len(content) if content else 0
            self.tar.addfile(info, io.BytesIO(content) if content else None)

    def directory(self, name, mode=0o755):
        if name not in self.names:
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, mode
            self._add(info)

    def link(self, name, target):
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
        self._add(info)

    def text(self, name, content):
        info = tarfile.TarInfo(name)
        info.mode = 0o644
        self._add(info, content.encode())

    def file(self, name, source):
        """Follows links. Keeps the time of change, by which Python knows that compiled modules are not stale."""
        info = tarfile.TarInfo(name)
        status = os.stat(source)
        info.mode = 0o755 if status.st_mode & 0o111 else 0o644
        info.mtime = int(status.st_mtime)
        self._add(info, Path(source).read_bytes())


def shared_libraries(binary):
    """(name, file) of each library that the dynamic loader would map; the loader itself has its full path as name."""
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True).stdout
    for line in listed.splitlines():
        match = re.match(r"\s*(\S+) => (/\S+) \(|\s*(/\S+) \(", line)
        if match:
            name, file, loader = match.groups()
            yield (loader, loader) if loader else (name, file)


def loaded_by_name(name):
    """The file that the dynamic loader takes for a library that no program may be linked with."""
    ctypes.CDLL(name)
    with open("/proc/self/maps") as maps:
        return next(line.split()[-1] for line in maps if line.rstrip().endswith("/" + name))


def python_layer():
    layer = Layer()
    executable = os.path.realpath(sys.executable)
    version = "python%d.%d" % sys.version_info[:2]
    layer.file("usr/local/bin/" + version, executable)
    for alias in ("python3", "python"):
        layer.link("usr/local/bin/" + alias, version)
    binaries = [executable]
    for library in sorted({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}):
        inside = os.path.join("usr/local", os.path.relpath(library, sys.base_prefix))
        for folder, folders, files in os.walk(library, followlinks=True):
            folders[:] = sorted(name for name in folders if name not in LEFT_OUT and not name.startswith("config-"))
            for file in sorted(files):
                source = os.path.join(folder, file)
                if LEFT_OUT_FILES.search(file) or not os.path.isfile(source):
                    continue
                layer.file(os.path.normpath(os.path.join(inside, os.path.relpath(source, library))), source)
                if file.endswith(".so"):
                    binaries.append(source)
    for binary in binaries:
        for name, file in shared_libraries(binary):
            if name.startswith("/"):
                layer.file(name.lstrip("/"), file)
            else:
                layer.file(os.path.join(LIBRARIES, name), file)
    # The C library loads it to end a thread; programs in Rust are linked with it.
    layer.file(os.path.join(LIBRARIES, "libgcc_s.so.1"), loaded_by_name("libgcc_s.so.1"))
    # As in the base of the service's own images.
    authorities = next(filter(os.path.isfile, AUTHORITIES), None)
    if authorities:
        layer.file("etc/ssl/certs/ca-certificates.crt", authorities)
    layer.text("etc/passwd", f"root:x:0:0::/:/sbin/nologin\nnonroot:x:{USER}:{USER}::/:/sbin/nologin\n")
    layer.text("etc/group", f"root:x:0:\nnonroot:x:{USER}:\n")
    layer.directory("tmp", 0o1777)
    for mount_point in ("dev", "proc", "sys"):
        layer.directory(mount_point)
    layer.tar.close()
    return layer.bytes.getvalue()


def write_layout(destination, layer):
    blobs = destination / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(media_type, content):
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(content)}

    def document(media_type, value):
        return blob(media_type, json.dumps(value, sort_keys=True).encode())

    oci = "application/vnd.oci.image."
    layers = [blob(oci + "layer.v1.tar", layer)]
    config = document(oci + "config.v1+json", {
        "architecture": ARCHITECTURE.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {
            "Env": [
                "PATH=/usr/local/bin:/usr/bin:/bin",
                # The libraries come from wherever this machine keeps them; one folder needs no loader cache.
                f"LD_LIBRARY_PATH=/{LIBRARIES}",
                # Debian's interpreter, for one, was built for another folder.
                "PYTHONHOME=/usr/local",
            ],
            "Cmd": ["python3"],
        },
        "rootfs": {"type": "layers", "diff_ids": [layers[0]["digest"]]},
        "history": [{"created_by": f"this machine's Python {platform.python_version()}"}],
    })
    manifest_type = oci + "manifest.v1+json"
    manifest = document(manifest_type, {"schemaVersion": 2, "mediaType": manifest_type, "config": config, "layers": layers})
    (destination / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (destination / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return manifest["digest"]


if __name__ == "__main__":
    print(write_layout(Path(sys.argv[1]), python_layer()))
