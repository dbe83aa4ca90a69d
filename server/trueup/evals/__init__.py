"""Evaluations of the whole loop: cases as text, replayed with recorded replies and the real gate.

Needs no network and no key: the model is a server on this machine that says what was recorded.
"""
