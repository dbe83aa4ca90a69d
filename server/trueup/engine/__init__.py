"""One suggestion's life: propose, verify, repair, judge.

The engine is a process of its own. The front sees `client` and `messages` and nothing else of it.
"""
