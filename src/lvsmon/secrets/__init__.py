"""No secret in what is shown or told: the forms it may have, and stars in its place. Pure."""
