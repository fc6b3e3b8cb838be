"""What a cloud can go back to: its beginning, and states that are saved under a name."""
