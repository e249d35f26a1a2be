"""Records of what is measured and stored, and their forms in files: no I/O."""
