"""What calls of the API have in common beyond who calls: keys against doing twice, marks, parts of lists."""
