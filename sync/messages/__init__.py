"""One module a message kind, and the table that names them."""
