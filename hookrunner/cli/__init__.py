"""What a person types and reads. One module a command group; nothing else prints."""
