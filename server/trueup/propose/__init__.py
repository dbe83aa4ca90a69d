"""Where candidates come from: Ruff, rope, or a model.

Each proposer answers with a Proposal; none writes anything and none judges what it proposes.
"""
