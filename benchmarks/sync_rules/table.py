"""The rules, one row each: what it asks, where it is kept, one line that switches it off, and the tests that notice.

A row's line must stand exactly once in its file; where code moves on, the row moves with it (a test holds them
together). Rules that have several halves have several rows.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Row:
    """One half of a rule.

    Attributes:
        number: of the rule, 1 to 26.
        says: what may not happen, in a few words.
        path: the file that keeps it.
        line: text in it that does.
        off: what stands there instead while the rule is switched off.
        tests: node ids, without `tests/` in front; each must fail then, and pass otherwise.
        others: further places that keep it.
        peers: whether the tests need programs of the system (PostgreSQL, mosquitto).
    """

    number: int
    says: str
    path: str
    line: str
    off: str
    tests: tuple[str, ...]
    others: tuple[str, ...] = ()
    peers: bool = False


ROWS: Final = (
    Row(
        1,
        "one prescription is dispensed once: its right has one holder",
        "clinic_records/dispensing.py",
        "is_free = right.state is RightState.RELEASED or (",
        "is_free = bool(right.wanted) or (",
        ("unit/hospital/test_dispense_rights.py",),
        ("cloud_hospital/downlinks/rights.py", "vehicle_agent/visits/dispensing.py"),
    ),
    Row(
        2,
        "a retraction is never overtaken",
        "vehicle_agent/store/merge/retractions.py",
        '"INSERT INTO tombstones (kind, id, retraction) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO NOTHING"',
        '"SELECT ?, ?, ?"',
        ("unit/store/test_store_merge.py::test_a_retraction_is_never_overtaken",),
        ("cloud_hospital/downlinks/put_back.py",),
    ),
    Row(
        3,
        "a hospital that was rolled back notices, and gets everything again",
        "sync/admission.py",
        "        or token_count(hello.token) > given\n",
        "        and False\n",
        (
            "unit/sync/test_sync_session.py::test_a_hospital_restored_from_a_backup_is_offered_everything_again",
            "unit/hospital/test_rollback.py",
        ),
        ("cloud_hospital/epoch.py", "cloud_hospital/intake/returned.py", "vehicle_agent/store/giving_back.py"),
    ),
    Row(
        3,
        "a receipt counts in the epoch of its session only",
        "vehicle_agent/store/spool.py",
        'if state.epoch not in {"", epoch}:',
        "if not epoch:",
        ("unit/hospital/test_bundle.py::test_receipts_by_another_hand_or_of_another_epoch_end_nothing",),
        ("sync/exchange.py",),
    ),
    Row(
        4,
        "a broker's forged words end nothing",
        "sync/frames.py",
        "public.verify(Domain.SESSION, signed.body, signed.signature)",
        "del public",
        ("unit/sync/test_sync_forging_broker.py::test_a_forging_broker_ends_nothing",),
        ("sync/statements.py", "sync/seal.py"),
    ),
    Row(
        5,
        "a locked box sends: what is saved is sealed at its commit",
        "vehicle_agent/store/sealer.py",
        "marks += self._seal(conn, rows[start : start + _PORTION])",
        "marks += []",
        ("unit/store/test_store_sealer.py::test_what_is_saved_is_in_the_spool_before_save_is_answered",),
        ("vehicle_agent/store/spool.py",),
    ),
    Row(
        6,
        "a restored box uses no number twice",
        "vehicle_agent/store/spool.py",
        "incarnation=max(proposed, state.incarnation + 1 + secrets.randbelow(_CHANCES)),",
        "incarnation=state.incarnation + 0 * proposed,",
        ("unit/store/test_store_keys_change.py::test_a_restored_box_counts_in_a_stream_nobody_had",),
        ("sync/admission.py", "cloud_hospital/store/streams.py"),
    ),
    Row(
        6,
        "its newer records come home, and nothing older is changed before",
        "vehicle_agent/store/records.py",
        "must_be_the_last_version(conn, before, lane)",
        "del lane",
        ("unit/store/test_store_resuming.py",),
        ("cloud_hospital/downlinks/own_records.py", "vehicle_agent/store/merge/own.py"),
    ),
    Row(
        7,
        "a cloned disk is seen, and nothing is dropped",
        "sync/admission.py",
        "is_forked = state.is_forked or not (may_rejoin or is_same)",
        "is_forked = state.is_forked",
        (
            "unit/sync/test_sync_admission.py::test_two_boxes_with_one_disk_are_seen_as_soon_as_each_has_heard_an_answer",
            "unit/sync/test_sync_session.py::test_a_cloned_disk_is_seen_and_nothing_is_dropped",
        ),
    ),
    Row(
        8,
        "a vehicle that died before its day was closed is never called complete",
        "cloud_hospital/feed/completeness.py",
        "is_complete=is_root_true is True and not",
        "is_complete=not",
        ("unit/hospital/test_hidden_tail.py::test_killed_before_close_the_statement_says_unknown",),
        ("vehicle_agent/visits/stops.py",),
    ),
    Row(
        9,
        "the bureau's cursor skips no late writer",
        "cloud_hospital/feed/sequencer.py",
        '{"feed_seq": last + place,',
        '{"feed_seq": row.n + 1,',
        ("unit/hospital/test_sequencer.py",),
        ("cloud_hospital/feed/cursor.py",),
    ),
    Row(
        10,
        "two workers with the last parts of one file finish it",
        "cloud_hospital/intake/transfers.py",
        ".with_for_update()).one_or_none()\n            if row is None:  # another worker",
        ").one_or_none()\n            if row is None:  # another worker",
        ("peer/test_postgresql.py::test_two_workers_with_the_last_chunks_finish_every_file",),
        ("cloud_hospital/intake/parts.py", "cloud_hospital/store/locks.py"),
        peers=True,
    ),
    Row(
        10,
        "so they do where parts come in batches",
        "cloud_hospital/intake/parts.py",
        "_checked(connection, select(transfers).with_for_update(), going)",
        "_checked(connection, select(transfers), going)",
        ("peer/test_postgresql_parts.py",),
        peers=True,
    ),
    Row(
        11,
        "a transfer is of one file: other bytes under its name are refused and may come again",
        "cloud_hospital/intake/opening.py",
        "if wire_hash(source) != wire_sha256:",
        "if not wire_sha256:",
        ("unit/hospital/test_intake.py::test_bytes_that_are_not_the_announced_file_are_refused_and_can_come_again",),
    ),
    Row(
        11,
        "what is sealed once is not sealed a second time under the same number",
        "vehicle_agent/store/outgoing.py",
        "\" ON CONFLICT (incarnation, seq) WHERE origin = '' DO NOTHING\",\n",
        "\" ON CONFLICT (incarnation, seq) WHERE origin = '' DO UPDATE SET wire_sha256 = excluded.wire_sha256\",\n",
        ("unit/store/test_store_sealer.py::test_a_crash_between_spool_and_mark_makes_no_second_envelope",),
    ),
    Row(
        12,
        "patience follows the rate: slow links go on",
        "sync/pace.py",
        "return max(MIN_PATIENCE_S, 4 * in_flight / self.rate + self.rtt_s)",
        "return 3.0 + 0 * in_flight",
        ("unit/sync/test_sync_pace.py::test_patience_follows_the_rate",),
        ("sync/sender.py",),
    ),
    Row(
        13,
        "what kills its reader is held after two attempts",
        "cloud_hospital/intake/opening.py",
        "if attempts > MAX_ATTEMPTS:",
        "if attempts > 1000:",
        ("unit/hospital/test_intake.py::test_a_file_that_kills_its_reader_is_held_after_two_attempts",),
        ("cloud_hospital/intake/counter.py", "cloud_hospital/intake/decoding.py"),
    ),
    Row(
        14,
        "refused ends no row, held is a count of its own",
        "vehicle_agent/store/outbox.py",
        'Verdict.REFUSED: "refused",',
        'Verdict.REFUSED: "received",',
        ("unit/store/test_store_retention.py::test_only_what_was_received_is_cleared_and_never_early",),
        ("sync/ports.py", "cloud_hospital/held.py"),
    ),
    Row(
        15,
        "what an older program does not understand is held",
        "sync/messages/table.py",
        "return sorted(set(header.must_understand) - FEATURES)",
        "return sorted(FEATURES & set(header.must_understand))",
        ("unit/hospital/test_intake.py::test_an_unknown_feature_is_held",),
        ("sync/abilities.py", "cloud_hospital/intake/reopening.py"),
    ),
    Row(
        16,
        "a lying clock keeps no box out",
        "sync/tls.py",
        "context.verify_flags |= _NO_CHECK_TIME",
        "context.verify_flags |= 0 * _NO_CHECK_TIME",
        ("unit/sync/test_sync_tls.py::test_a_lying_clock_does_not_keep_a_box_out",),
        ("sync/renewal.py", "vehicle_agent/services/renewal.py"),
    ),
    Row(
        17,
        "credit is the receiver's: what is urgent waits behind one window at most",
        "sync/pace.py",
        "return max(2 * MIN_CHUNK, int(self.rate * (self._full_s + self._held_s)))",
        "return max(2 * MIN_CHUNK, int(self.rate * 30.0))",
        ("unit/sync/test_sync_pace.py::test_an_urgent_ecg_waits_less_than_half_a_second_behind_a_loop",),
        ("sync/sender.py", "cloud_hospital/intake/leases.py"),
    ),
    Row(
        18,
        "nobody but the workers knows their group: its name changes at each revocation",
        "cloud_hospital/broker/access.py",
        "    rotate_group(premises.folder)\n",
        "    shared_group(premises.folder)\n",
        ("unit/hospital/test_authority.py",),
        ("cloud_hospital/broker/group.py", "sync/probe.py", "sync/access.py"),
    ),
    Row(
        19,
        "an urgent recording brings its person and encounter along",
        "vehicle_agent/visits/decisions.py",
        "patient=get(conn, Patient, recording.binding.patient).thing,",
        "patient=None,",
        ("unit/visits/test_visits_urgent.py",),
        ("vehicle_agent/visits/recorder.py",),
    ),
    Row(
        20,
        "a socket holds back less than one part",
        "sync/mqtt.py",
        "sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOTSENT_BYTES)",
        "del client",
        ("unit/sync/test_sync_socket.py",),
        ("sync/relay.py",),
    ),
    Row(
        21,
        "a late will ends no newer session",
        "sync/station.py",
        "is_ours = line is not None and line.session == presence.session",
        "is_ours = line is not None",
        ("unit/sync/test_sync_session.py::test_a_late_will_does_not_end_the_new_session",),
    ),
    Row(
        22,
        "each envelope has a content key of its own",
        "sync/seal.py",
        "key = secrets.token_bytes(KEY_SIZE)",
        "key = secrets.token_bytes(0) + bytes(KEY_SIZE)",
        ("unit/sync/test_sync_hazards.py::test_no_content_key_and_no_ephemeral_key_serves_twice",),
        ("sync/stream.py", "sync/keys.py", "cloud_hospital/escrow.py"),
    ),
    Row(
        23,
        "nobody learns by asking what another vehicle sent",
        "cloud_hospital/intake/receipts.py",
        "receipts.c.vehicle == vehicle, receipts.c.wire_sha256 == wire_sha256",
        "receipts.c.wire_sha256 == wire_sha256",
        ("unit/hospital/test_streams.py::test_a_vehicle_that_offers_anothers_file_is_told_that_it_is_missing",),
        ("cloud_hospital/store/tables.py", "cloud_hospital/intake/transfers.py"),
    ),
    Row(
        24,
        "a revoked origin's data is held, whoever carries it",
        "cloud_hospital/intake/opening.py",
        "if outer.origin in self.revoked:",
        "if not outer.origin:",
        (
            "unit/hospital/test_streams.py::test_trust_follows_the_origin_and_never_the_carrier",
            "unit/hospital/test_bundle.py::test_a_revoked_vehicles_data_is_held_whoever_carries_it",
        ),
        ("cloud_hospital/bundle.py", "vehicle_agent/store/bundle.py"),
    ),
    Row(
        25,
        "a restored audit says gap, a changed one tampered",
        "vehicle_agent/store/audit.py",
        "if number != (1 if before is None else before.count + 1) or digest != expected:",
        "if not expected:",
        ("unit/store/test_store_audit.py::test_whatever_is_changed_or_taken_out_is_tampering",),
        ("vehicle_agent/doctor.py",),
    ),
    Row(
        26,
        "one seed is one trace: nothing goes through a set in the order of its hashes",
        "benchmarks/simulation/chance.py",
        'random.Random(f"product/{seed}")',
        'random.Random(hash(f"product/{seed}"))',
        ("unit/sync/test_simulation.py::test_the_same_seed_is_the_same_trace_whatever_the_order_of_sets",),
    ),
)
"""Every rule, in order."""
