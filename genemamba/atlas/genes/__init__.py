"""From the names in a deposit to genes of the reference, and to the columns of a store."""
