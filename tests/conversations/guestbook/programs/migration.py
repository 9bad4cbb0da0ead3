"""Writes the first entry, and ends with an error where no database answers."""

import os
import socket

with socket.create_connection((os.environ["DATABASE"], 5432), timeout=2) as database:
    database.sendall(b"the first entry, by the migration\n")
    database.recv(4096)
