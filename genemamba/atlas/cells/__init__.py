"""What is known of each cell: its columns, its hash, how well it was measured."""
