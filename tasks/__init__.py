"""Prefect tasks: policy above, resource around, one library call inside."""
