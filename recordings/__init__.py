"""Pure decoders and encoders of recorded formats."""
