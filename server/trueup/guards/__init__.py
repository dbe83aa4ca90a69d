"""What may be edited, sent and shown: the rules that no model and no repository can change."""
