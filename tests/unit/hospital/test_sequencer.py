"""The feed's numbers: dense, nothing missed and nothing twice, whatever commits when."""

import random
import threading
import time

from sqlalchemy import Engine, insert, select

from cloud_hospital.feed.sequencer import sequence
from cloud_hospital.hospital import Hospital
from cloud_hospital.store.engine import reading, writing
from cloud_hospital.store.tables import feed, feed_pending

WRITERS = 4
ROWS = 30


def write_with_delays(engine: Engine, writer: int) -> None:
    chance = random.Random(writer)
    for row in range(ROWS):
        with writing(engine) as connection:
            connection.execute(insert(feed_pending).values(entry=writer * 1000 + row))
            time.sleep(chance.random() * 0.003)  # the row has its place in the table, its commit comes later


def pull_until(engine: Engine, done: threading.Event, seen: list[int]) -> None:
    """A county with a cursor, as fast as it can."""
    last = 0
    is_last_round = False
    while not is_last_round:
        is_last_round = done.is_set()
        sequence(engine)
        with reading(engine) as connection:
            query = select(feed.c.feed_seq, feed.c.entry).where(feed.c.feed_seq > last).order_by(feed.c.feed_seq)
            for row in connection.execute(query):
                assert row.feed_seq == last + 1
                last = row.feed_seq
                seen.append(row.entry)


def race(engine: Engine) -> None:
    done = threading.Event()
    seen: list[list[int]] = [[], []]
    readers = [threading.Thread(target=pull_until, args=(engine, done, each)) for each in seen]
    writers = [threading.Thread(target=write_with_delays, args=(engine, number)) for number in range(WRITERS)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    expected = sorted(writer * 1000 + row for writer in range(WRITERS) for row in range(ROWS))
    assert sorted(seen[0]) == expected
    assert seen[1] == seen[0]


def test_no_row_is_missed_and_none_comes_twice(hospital: Hospital) -> None:
    race(hospital.engine)
