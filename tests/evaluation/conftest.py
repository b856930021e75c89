"""Heavy libraries are imported once, before warnings are errors."""

import warnings

with warnings.catch_warnings():
    # umap-learn tells every importer that Tensorflow is absent; Python hides that by default.
    warnings.simplefilter("ignore")
    import scib_metrics.benchmark  # noqa: F401
    import umap  # noqa: F401
