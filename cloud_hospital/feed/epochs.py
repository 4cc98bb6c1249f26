"""Epochs of the county's feed: a cursor of an older one is answered with the place to go back to."""

from datetime import datetime

from sqlalchemy import Engine, func, insert, select

from clinic_records.clock import to_ms
from cloud_hospital.store.engine import writing
from cloud_hospital.store.tables import feed, feed_epochs


def keep_feed_epoch(engine: Engine, epoch: str, now: datetime) -> None:
    """Note in the database where the feed stood when `epoch` began; idempotent."""
    with writing(engine) as connection:
        if connection.execute(select(feed_epochs.c.epoch).where(feed_epochs.c.epoch == epoch)).first():
            return
        last = connection.execute(select(func.coalesce(func.max(feed.c.feed_seq), 0))).scalar_one()
        connection.execute(insert(feed_epochs).values(epoch=epoch, first_after=last, started_at=to_ms(now)))
