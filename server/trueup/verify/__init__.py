"""The gate: what is known about a candidate, check by check, cheapest first.

A check judges one candidate and returns one piece of Evidence. Checks do not know who proposed the
candidate, and none of them knows an editor.
"""
