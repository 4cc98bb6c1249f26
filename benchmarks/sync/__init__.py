"""The clinic day over a bad link: ours and what a user could pick instead, in the same run over the same road."""
