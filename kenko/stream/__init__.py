"""Faust: record-batch transport, partition runner, ticks. The only room that names faust.App."""
