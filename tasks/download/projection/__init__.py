"""How a picture shows directions: what the file says of itself, and what its pixels say."""
