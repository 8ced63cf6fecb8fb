"""Reading files that come from outside, none of which is trusted, and keeping what was read."""
