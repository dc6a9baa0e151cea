"""What every process needs: clock, settings, logging, metrics, health, lifecycle."""
