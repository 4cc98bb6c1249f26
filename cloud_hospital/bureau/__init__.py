"""The county health bureau's end: pulling the feed over the network and writing it as a table."""
