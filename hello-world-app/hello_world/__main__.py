"""`python3 -m hello_world`: reads what it is, listens, and leaves at once when told to."""

import os
import signal
import sys
from pathlib import Path

from hello_world import content, preview
from hello_world.server import Server

ROOT = Path(__file__).parent.parent


def main() -> None:
    # Process 1 of a container has no default action for signals: without a handler SIGTERM would be ignored and
    # Kubernetes would wait out the whole grace period. Raising ends serve_forever at once.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, lambda *_: sys.exit(0))
    try:
        shown = content.load(ROOT / "content.json")
        this = preview.load(os.environ, ROOT / "COMMIT")
    except (content.ContentError, preview.PreviewError) as error:
        sys.exit(f"hello-world-app cannot start: {error}")
    address = (os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8080")))
    with Server(address, shown, this) as server:
        print(f"Serving commit {this.commit or 'unknown'} on http://{address[0]}:{server.server_port}/", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
