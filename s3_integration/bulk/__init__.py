"""Many files: which of them to move where, moving them, and telling what became of each."""
