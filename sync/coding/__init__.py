"""How payloads are written in a wire file's body: coders that give every byte back, smallest that pays on this link."""
