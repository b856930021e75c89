"""From a deposit to an immutable store: pass 1 plans or refuses, pass 2 writes and proves."""
