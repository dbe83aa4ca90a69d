"""What the model may spend, what it spent, what happened, and whether it is getting worse.

Knows neither the protocol nor the engine nor the vendor: it is told what was asked and answered.
"""
