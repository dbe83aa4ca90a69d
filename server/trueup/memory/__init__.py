"""What the project has decided: markdown in git, with a scope and rules that a machine checks.

The files are the truth; nothing here keeps a state of its own. Enforcement never searches: every
rule whose scope matches is evaluated.
"""
