"""The record of runs, artifacts, versions and metrics; the only part that speaks SQL."""
