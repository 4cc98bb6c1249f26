"""Records to envelopes and back: lanes, sealing, transfers, receipts."""
