"""Quality while labels are late or missing, each estimate with what it takes for granted."""
