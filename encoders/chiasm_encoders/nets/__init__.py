"""Building blocks of the students: residual trunk, heads, closed-form kernel regression."""
