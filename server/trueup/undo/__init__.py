"""Taking a change back in all its files, whatever became of the editor or of this process.

Before a change is made it is written down with the texts that it replaces. Knows texts, files and a
folder of records; neither editors nor verdicts. Nothing is ever written over a text that is neither
what was there before the change nor what the change made of it: that is the user's own.
"""
