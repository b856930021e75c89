"""Atlas versions: manifests of stores, without copies, and the cells they have."""
