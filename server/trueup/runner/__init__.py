"""The user's tests, isolated.

Knows how to run pytest on a workspace with a change in it, what each test said, and how strong the
isolation was. Does not know what a candidate is, and never says that a change is good.
"""
