"""The README's figures, each beside a limit measured or set in the same run: python -m benchmarks.figures."""

import statistics
import sys

from benchmarks import memory, page_delay, store_rate

PAGE_AIM_S = 1.0
PAGE_TIMES = 20
SECONDS = 3.0


def main() -> int:
    """Print all figures; 1 when an aim is missed."""
    print(f"memory (limit {memory.LIMIT_MIB} MiB for an idle agent)")
    resident = memory.measure()
    for name, mib in resident.items():
        print(f"  {name:<44} {mib:8.1f} MiB")
    print(f"C-STORE's end to the nurse's page, {PAGE_TIMES} ultrasound loops of 6.9 MB (aim < {PAGE_AIM_S} s)")
    delays = page_delay.measure(PAGE_TIMES)
    print(f"  median {statistics.median(delays):.3f} s, worst {max(delays):.3f} s")
    print(f"records of {store_rate.RECORD_BYTES} bytes into the store (limit: the disk's own fsyncs, same run)")
    for name, rate in store_rate.measure(SECONDS).items():
        print(f"  {name:<44} {rate:8.0f} /s")
    return int(resident["agent, idle again"] > memory.LIMIT_MIB or statistics.median(delays) > PAGE_AIM_S)


if __name__ == "__main__":
    sys.exit(main())
