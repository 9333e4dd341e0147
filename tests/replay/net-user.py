"""The user network as the documentation has it, by rtl8139 and Debian's 8139cp, on the command line of DESIGN.md section 1: recorded and
replayed."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
import harness  # noqa: E402
import net_guest  # noqa: E402

harness.main(lambda work: net_guest.record_and_replay(work, "rtl8139"))
