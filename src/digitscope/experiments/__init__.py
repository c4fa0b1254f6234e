"""Recipes, runs in a folder, and the course's figures reproduced."""
