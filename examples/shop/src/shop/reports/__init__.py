"""What the owner reads. Reads orders, and changes none."""
