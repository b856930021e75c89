"""From a deposit to an immutable store to an atlas that is a list of stores."""
