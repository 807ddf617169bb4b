"""The nouns: frozen values that are valid once they exist."""
