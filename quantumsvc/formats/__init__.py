"""How the framework's own pages write times."""
