"""How often labels are right on cells that were held out, beside baselines."""
