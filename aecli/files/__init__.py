"""Files by their paths, never their pixels: inputs, the plan of results, atomic writing."""
