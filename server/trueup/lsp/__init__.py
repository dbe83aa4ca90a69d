"""The editor's side: the only package that knows the Language Server Protocol.

It holds buffers, offers actions, starts jobs in the engine and applies what they prove. It imports
neither libcst nor the model's SDK, and never waits for either on the event loop.
"""
