"""What passes between the parts: masks, samples and results."""
