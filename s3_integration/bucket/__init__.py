"""The bucket itself: what protects it, and making one that is protected from the start."""
