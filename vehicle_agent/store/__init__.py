"""What the vehicle keeps: keys, database, blobs, the sealed inbox and the spool."""
