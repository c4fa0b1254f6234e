"""The course's own names, with its signatures and its numbers: thin doors to the library."""
