"""What every script needs, whatever its subject: messages, artifacts, errors, the screen, other processes.

Nothing in here knows of products, models or an index.
"""
