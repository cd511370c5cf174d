"""What a data set is like: statistics before and after the coach, and the report that shows them."""
