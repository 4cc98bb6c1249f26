"""Law 5 as a question to the table: who may make which version of what, and so which way it may travel."""

from clinic_records.errors import RefusedInput
from clinic_records.record import Kind
from sync.messages.kind import Maker, Owner
from sync.messages.table import MESSAGES


def must_be_made_by(maker: Maker, kind: Kind, revision: int) -> None:
    """Return if `maker` may make this revision of a thing of this kind.

    Raises:
        RefusedInput: the other side makes these, or a message would have a second version.
    """
    row = MESSAGES[kind]
    if maker not in row.makers:
        raise RefusedInput(f"kind {kind} is not made by a {maker}: it belongs to {' or '.join(row.makers)}")
    if row.owner is Owner.MESSAGE and revision != 1:
        raise RefusedInput(f"{kind} revision {revision}: a message is made once; take it back and make another")
