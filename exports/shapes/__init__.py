"""What a row of a data set holds, for each family of formats."""
