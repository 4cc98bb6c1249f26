"""What the vehicles were told beside what the hospital holds: nothing lost, doubled, made up or altered."""

from collections import Counter
from collections.abc import Sequence

import msgspec
from sqlalchemy import func, select

from benchmarks.prefecture.vehicles import Brought
from cloud_hospital.api.proof import prove
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading
from cloud_hospital.store.tables import feed, receipts, transfers
from sync.ports import Verdict


class Judged(msgspec.Struct, frozen=True):
    """Counts over one run; all but `told`, `sent_twice` and `feed` must be 0.

    Attributes:
        stuck: envelopes no receipt ended, and transfers left half done at the hospital.
        sent_twice: envelopes answered as duplicates: they travelled twice and had one effect.
        feed: county's rows that were numbered.
        feed_holes: numbers left out among them.
        number_holes: receipt numbers left out or given twice, over all vehicles.
    """

    told: int
    lost: int
    doubled: int
    phantom: int
    altered: int
    stuck: int
    set_aside: int
    sent_twice: int
    feed: int
    feed_holes: int
    number_holes: int

    @property
    def is_clean(self) -> bool:
        """Whether nothing went wrong."""
        wrong = self.lost + self.doubled + self.phantom + self.altered + self.stuck + self.set_aside
        return wrong + self.feed_holes + self.number_holes == 0


def judge(hospital: Hospital, brought: Sequence[Brought]) -> Judged:
    """Read every payload and every blob of the hospital again and compare."""
    proof = prove(hospital)
    held = Counter((each.vehicle, each.id, each.sha256) for each in proof.entries)
    held += Counter((each.vehicle, each.sha256, each.sha256) for each in proof.blobs)
    told = Counter((each.vehicle, one.id, one.sha256) for each in brought for one in each.told)
    ids = Counter((vehicle, id_) for vehicle, id_, _ in held.elements())
    with reading(hospital.engine) as connection:
        half_done = connection.execute(select(func.count()).select_from(transfers)).scalar_one()
        fed, last = connection.execute(select(func.count(), func.coalesce(func.max(feed.c.feed_seq), 0))).one()
        numbers = connection.execute(
            select(func.count(), func.max(receipts.c.receipt_seq)).group_by(receipts.c.vehicle)
        ).all()
    open_still = sum(len(each.told) - sum(each.verdicts.values()) for each in brought)
    return Judged(
        told=sum(told.values()),
        lost=sum((told - held).values()),
        doubled=sum(count - 1 for count in ids.values()),
        phantom=len([key for key in held if key not in told]),
        altered=sum(not each.is_intact for each in proof.blobs),
        stuck=open_still + int(half_done),
        set_aside=proof.quarantined,
        sent_twice=sum(each.verdicts.get(Verdict.DUPLICATE, 0) for each in brought),
        feed=int(fed),
        feed_holes=int(last) - int(fed),
        number_holes=sum(abs(int(highest) - int(count)) for count, highest in numbers),
    )
