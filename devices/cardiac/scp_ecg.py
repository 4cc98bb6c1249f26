"""Any electrocardiograph that streams SCP-ECG records (EN 1064) raw over a line; it only speaks."""

from devices.driver import Driver
from devices.framing.scp import MEDIA_TYPE, ScpFraming


class ScpEcg(Driver):
    """No words of our own: the record's length and CRC are all there is."""

    name = "scp-ecg"
    media_type = MEDIA_TYPE

    def framing(self) -> ScpFraming:
        """A fresh framing."""
        return ScpFraming()
