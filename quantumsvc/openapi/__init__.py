"""The description of the REST interface: what each address takes, answers and refuses."""
