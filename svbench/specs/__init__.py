"""What the hand-written files say: strict records, digests, and the plug-in registry."""
