"""What the chart runs once: before an installation, before its end, and to see that it works."""
