"""The user network by e1000 and Debian's amd64 kernel: recorded and replayed."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import net_guest  # noqa: E402

harness.main(lambda work: net_guest.record_and_replay(work, "e1000", "amd64"))
