"""Root's room: private keys, nginx files, and nothing else. It knows the model alone."""
