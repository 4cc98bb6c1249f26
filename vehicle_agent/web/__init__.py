"""The nurse's pages, served on the vehicle's LAN."""
