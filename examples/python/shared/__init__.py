"""What several services of a bot share."""
