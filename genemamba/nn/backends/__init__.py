"""Programs that run a trained model: the same weights, one interface, equal within tolerances.

`genemamba.nn.backends.loading.load_backend` is the way in.
"""
