"""Fit the weights and curves of a model to accounts whose end is known. Needs the extra `calibrate`."""
