"""Analysis: what scores are worth, judged against measured truth."""
