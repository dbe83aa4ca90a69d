"""A small tea shop: what it sells, what that costs, who ordered it and how business goes.

    reports     what the owner reads
    orders      what customers asked for, and what is on the shelf    -> storage
    pricing     what a basket costs
    catalog     what can be bought

A layer may use the ones below it, never one above. Only orders are stored.
"""
