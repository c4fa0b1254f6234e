"""Studies: one question of a course each, answered by many trainings, with a figure, a table and a paragraph."""
