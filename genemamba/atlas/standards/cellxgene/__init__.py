"""The rules of the CELLxGENE schema, checked on AnnData deposits without loading their matrices."""
