"""What is known of a chip, as plain data: readings of it, and the properties document they go into."""
